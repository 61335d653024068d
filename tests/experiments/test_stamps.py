"""A figure's stamp says what it was computed with: every count, name, seed and constant in it."""

import functools
import inspect
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import measures, priors
from gan_jax.data.packaged import points2d
from gan_jax.data.packaged.digits import digits
from gan_jax.data.source import Source, on_device
from gan_jax.evaluation.figures import Evaluation
from gan_jax.evaluation.result import evaluate_games
from gan_jax.experiment import Experiment
from gan_jax.measures import image, point, shape, video
from gan_jax.types import Features, Measure, Network, Players, Seen, Variables

RANDOM = np.random.default_rng(0)
UNDIVIDED = on_device(RANDOM.integers(0, 256, (60, 3, 3, 1), np.uint8))
SOURCES = {"endless": points2d.gaussians8, "with a part held out": digits, "undivided": lambda: UNDIVIDED}


def rows(x: np.ndarray) -> set[bytes]:
    return {example.tobytes() for example in x}


SPY = Measure(  # its figures are what was compared
    look=lambda batch: batch,
    summarise=lambda batches: np.concatenate(list(batches)),
    compare=lambda real, fake: {
        "real": len(real),
        "fake": len(fake),
        "shared": len(rows(real) & rows(fake)),
        "mean": fake.mean(),
        "mean of real": real.mean(),
    },
    collapsed=lambda figures: False,
    better={"mean": "higher"},
    best="mean",
    num=20,
    protocol=lambda real: {"told": real},
)


def game(data: Source) -> Experiment:
    """One whose generator is its parameter and noise."""
    shape = data.example.x.shape
    noise = Network(
        lambda *_: (jnp.float32(0), ()),
        lambda params, stats, z, condition, mode: (params + z.reshape(-1, *shape), stats),
    )
    return Experiment(
        data=data,
        nets=Players(noise, noise),
        objective=None,
        optimizers=None,
        prior=priors.normal(int(np.prod(shape))),
        steps=1,
        batch_size=1,
    )


def result(data: Source, **settings: Any) -> dict[str, Any]:
    given = {"split": "train", "num": 20, "num_real": 30, "seed": 0, "made": {"checkpoint": "latest"}} | settings
    return evaluate_games(game(data), SPY, [Variables(jnp.float32(i), ()) for i in (0, 5)], **given)


def figure(found: dict[str, Any], name: str) -> list[float]:
    return found["figures"][name]


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_the_counts_of_a_stamp_are_those_that_were_compared(source):
    found = result(source(), num=25, num_real=40)
    assert figure(found, "real") == [found["protocol"]["real"]] * 2 == [40] * 2
    assert figure(found, "fake") == [found["protocol"]["generated"]] * 2 == [25] * 2
    assert found["protocol"]["told"] == 40
    assert found["floor"]["figures"]["fake"] == found["floor"]["examples"]
    assert found["made"]["games"] == 2
    np.testing.assert_allclose(np.diff(figure(found, "mean")), 5, rtol=1e-5)  # each is of its own generator


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_the_floor_is_of_examples_that_are_not_compared_with(source):
    evaluation = Evaluation(game(source()), SPY, num=20, num_real=30)
    assert evaluation.floor()["figures"]["shared"] == 0


def test_as_many_real_examples_are_drawn_in_an_order_of_their_own():
    evaluation = Evaluation(game(points2d.gaussians8()), SPY, num=20, num_real=30)
    assert evaluation.of_real()["shared"] == 0


def test_what_is_held_out_is_the_floor_of_the_part_that_is_compared_with():
    data = digits()
    means = {}
    for split, other in {"train": "test", "test": "train"}.items():
        found = result(data, split=split, num=1000, num_real=1000)
        assert found["protocol"]["data"] == data.split(split).name
        assert found["floor"]["data"] == data.split(other).name
        assert found["floor"]["figures"]["shared"] == 0
        means[split] = figure(found, "mean of real")[0]
    assert means["train"] != means["test"]


def test_another_seed_draws_other_samples_and_the_same_examples():
    first, again, other = (result(points2d.gaussians8(), seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert [found["made"]["seed"] for found in (first, other)] == [0, 1]
    assert not np.isclose(figure(first, "mean"), figure(other, "mean")).any()
    assert figure(first, "mean of real") == figure(other, "mean of real")
    assert first["floor"] == other["floor"]


def test_the_best_of_a_run_is_named_by_the_figure_that_chose_it():
    protocols = [result(UNDIVIDED, made={"checkpoint": which})["protocol"] for which in ("latest", "best")]
    assert [protocol["generator"] for protocol in protocols] == ["EMA", "EMA, the best of a run by mean"]


# ---- The constants of a measure: each is changed, so that a figure by another one would be seen.


@pytest.fixture
def watched(monkeypatch):
    """Returns (module, name) -> the arguments of each call of that function from then on, its defaults included."""

    def watch(module: Any, name: str) -> list[dict[str, Any]]:
        function, calls = getattr(module, name), []

        @functools.wraps(function)
        def noted(*args: Any, **kwargs: Any) -> Any:
            bound = inspect.signature(function).bind(*args, **kwargs)
            bound.apply_defaults()
            calls.append(bound.arguments)
            return function(*args, **kwargs)

        monkeypatch.setattr(module, name, noted)
        return calls

    return watch


def compared(measure: Measure, *shape: int, number: int = 80) -> dict[str, float]:
    return measure.compare(*(measure.summarise([RANDOM.normal(size=(number, *shape))]) for _ in range(2)))


def features(classes: int = 0) -> Features:
    def look(x: Any) -> Seen:
        x = x.reshape(len(x), -1)
        return Seen(x, x[:, :classes] if classes else None)

    return Features("own", "0" * 64, "none", look)


def test_images_are_measured_by_the_constants_of_their_stamp(watched, monkeypatch):
    constants = {"KEPT": 50, "SEARCHED": 70, "NEIGHBOURS": 3, "SUBSETS": 4, "SUBSET": 15, "SPLITS": 2}
    for name, value in constants.items():
        monkeypatch.setattr(image, name, value)
    manifold, score = watched(image.manifold, "manifold"), watched(image.classes, "inception_score")
    kernel, nearest = watched(image.kernel, "kernel_distance"), watched(image.neighbours, "nearest")
    duplicates = watched(image.neighbours, "duplicates")
    measure = measures.images(features(classes=2))
    compared(measure, 2, 2, 1)
    assert measure.protocol(80) == {
        "measure": "images",
        "features": "own",
        "weights": "0" * 64,
        "resize": "none",
        "pairs": f"of the first {len(manifold[0]['real'])}",
        "nearest": f"among the first {len(nearest[0]['training'])}",
        "neighbours": manifold[0]["k"],
        "kernel": f"{kernel[0]['subsets']} subsets of {kernel[0]['subset_size']}, or of half the examples where they "
        "are fewer than 30",
        "score": f"{score[0]['splits']} splits",
    }
    assert (manifold[0]["k"], len(nearest[0]["training"]), kernel[0]["subsets"], score[0]["splits"]) == (3, 70, 4, 2)
    of_pairs = [manifold[0]["real"], manifold[0]["fake"], kernel[0]["real"], kernel[0]["fake"], score[0]["logits"]]
    assert {len(x) for x in [*of_pairs, nearest[0]["samples"], duplicates[0]["samples"]]} == {50}
    compared(measure, 2, 2, 1, number=20)
    assert kernel[1]["subset_size"] == 10


def test_sounds_are_measured_as_images_are():
    of_images, of_sounds = (make(features()).protocol(20_000) for make in (measures.images, measures.sounds))
    assert of_sounds == of_images | {"measure": "sounds"}


def test_clips_are_measured_by_the_constants_of_their_stamp(watched, monkeypatch):
    monkeypatch.setattr(video, "KEPT", 50)
    monkeypatch.setattr(video, "NEIGHBOURS", 3)
    manifold = watched(video.manifold, "manifold")
    measure = measures.videos(features(), features())
    compared(measure, 3, 2, 2, 1)
    assert measure.protocol(80) | {"pairs": "of the first 50", "neighbours": 3} == measure.protocol(80)
    assert (len(manifold[0]["real"]), len(manifold[0]["fake"]), manifold[0]["k"]) == (50, 50, 3)


def test_shapes_are_measured_by_the_constants_of_their_stamp(watched, monkeypatch):
    monkeypatch.setattr(shape, "COMPARED", 50)
    matching = watched(shape, "matching")
    measure = measures.shapes()
    compared(measure, 2, 2, 2, 1)
    assert measure.protocol(80)["pairs"] == "of the first 50 of both, as many of each"
    assert matching[0]["apart"].shape == (50, 50)


@pytest.mark.parametrize("make", [lambda: measures.mixture(np.eye(3)[:, :2], 0.25), measures.plane])
def test_points_are_measured_by_the_constants_of_their_stamp(watched, monkeypatch, make):
    monkeypatch.setattr(point, "TRANSPORTED", 50)
    monkeypatch.setattr(point, "NEIGHBOURS", 3)
    mixture, transport = watched(point.mixtures, "mixture"), watched(point.mixtures, "wasserstein")
    manifold = watched(point.manifold, "manifold")
    measure = make()
    compared(measure, 2)
    told = {"wasserstein": f"of {len(transport[0]['x'])}"}
    if mixture:
        told |= {"measure": f"{len(mixture[0]['centres'])} modes", "sigma": mixture[0]["sigma"]}
    if manifold:
        told |= {"measure": "points", "neighbours": manifold[0]["k"]}
    assert measure.protocol(80) == told
    assert told["wasserstein"] == "of 50"
    assert told.get("neighbours", 3) == 3


def test_stacked_digits_are_measured_by_the_modes_of_their_stamp(watched):
    modes = watched(image.classes, "modes")
    measure = measures.stacked(features(classes=10))
    compared(measure, 4, 4, 3)
    assert measure.protocol(80)["measure"] == f"{modes[0]['number']} modes" == "1000 modes"


@pytest.mark.parametrize(("held_out", "has_floor"), [(9, False), (10, True)])
def test_a_held_out_part_of_fewer_than_10_is_no_floor(held_out, has_floor):
    few = on_device(RANDOM.integers(0, 256, (held_out, 3, 3, 1), np.uint8))
    data = UNDIVIDED._replace(split={"train": UNDIVIDED, "test": few}.__getitem__)
    assert (result(data)["floor"] is not None) == has_floor
