"""Figures of generators, in Python: what is compared, and when a game has diverged."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import losses, measures, priors
from gan_jax.data.conditions import conditioned
from gan_jax.data.packaged import points2d
from gan_jax.data.packaged.digits import digits
from gan_jax.data.source import Source, on_device
from gan_jax.evaluation.examples import examples, labelled as labelled_examples, part_of
from gan_jax.evaluation.figures import Evaluation, merit_of
from gan_jax.evaluation.result import evaluate_games
from gan_jax.experiment import Experiment
from gan_jax.metrics.manifold import manifold
from gan_jax.nets import mlp
from gan_jax.types import Batch, Features, Network, Players, Seen, Variables


def test_of_data_without_a_part_held_out_the_floor_is_of_halves():
    data = on_device(np.random.default_rng(0).integers(0, 256, (50, 7, 4, 1), np.uint8))
    nets = Players(mlp.critic(width=4), mlp.generator((7, 4, 1), width=4))
    tiny = Experiment(
        data=data,
        nets=nets,
        objective=losses.hinge(),
        optimizers=Players(optax.sgd(0.1), optax.sgd(0.1)),
        prior=priors.normal(2),
        steps=1,
        batch_size=8,
    )
    look = Features("pixels", "none", "none", lambda x: Seen(x.reshape(len(x), -1)[:, :3]))
    floor = Evaluation(tiny, measures.images(look), num=60).floor()
    assert (floor["data"], floor["examples"]) == (f"halves of {data.name}", 25)
    assert 0 < floor["figures"]["frechet_distance"] < 1
    assert Evaluation(tiny, measures.images(look), num=19).floor() is None


def labelled(source, generator) -> Experiment:
    """A game on examples [] of labels, whose generator has no parameters."""
    return Experiment(
        data=source,
        nets=Players(None, Network(lambda *_: ({}, {}), generator)),
        objective=None,
        optimizers=None,
        prior=priors.normal(1),
        steps=1,
        batch_size=1,
    )


def drawn(experiment: Experiment, num: int, num_real: int | None = None) -> tuple[list[float], dict]:
    """How often each of three classes comes among the samples that are held against real ones, and the protocol."""
    measure = measures.plane()._replace(
        compare=lambda real, fake: {str(label): np.mean(fake == label) for label in range(3)},
        collapsed=lambda figures: False,
        protocol=lambda real: {},
    )
    result = evaluate_games(
        experiment, measure, [Variables({}, {})], split="train", num=num, num_real=num_real, seed=5,
        made={"checkpoint": "latest"},
    )  # fmt: skip
    return [values[0] for values in result["figures"].values()], result["protocol"]


def echo(params, stats, z, condition, mode):
    return condition.astype(np.float32), stats


def test_samples_are_of_classes_as_frequent_as_in_the_data():
    labels = np.repeat([0, 2], [30, 10])
    source = on_device(np.zeros((40, 1, 1, 1), np.uint8), labels, classes=3)
    shares, protocol = drawn(labelled(source, echo), num=80)
    assert shares == [0.75, 0, 0.25]
    assert protocol["classes"] == "of the real examples, in their order"
    few, _ = drawn(labelled(source, echo), num=12, num_real=12)
    first = np.concatenate([batch.condition for batch in labelled_examples(source, 12, jax.random.key(0))])
    assert few == [np.mean(first == label) for label in range(3)]


def test_of_endless_data_samples_have_the_labels_of_the_examples_drawn():
    def stream(key, first_step, batch_size, places=None):
        while True:
            yield Batch(np.zeros(batch_size, np.float32), np.arange(batch_size) % 2)

    example = Batch(jax.ShapeDtypeStruct((), np.float32), jax.ShapeDtypeStruct((), np.int32))
    assert drawn(labelled(Source(example, None, 3, stream), echo), num=30)[0] == [0.5, 0.5, 0]


def test_samples_have_the_conditions_of_the_real_examples_whatever_tree_they_are():
    images = on_device(np.repeat(np.arange(3, dtype=np.uint8), [30, 9, 1])[:, None, None, None])
    source = conditioned(images, lambda x: {"kind": jnp.round((x[0, 0, 0] + 1) * 127.5)}, name="kind")
    shares, protocol = drawn(labelled(source, lambda p, s, z, condition, mode: (condition["kind"], s)), num=80)
    assert shares == [0.75, 0.225, 0.025]
    assert protocol["conditions"] == "of the real examples, in their order"
    _, blind = drawn(labelled(source, lambda p, s, z, condition, mode: (z[:, 0], s)), num=10)
    assert "conditions" not in blind


def test_a_generator_that_does_not_look_at_labels_has_no_classes_in_its_protocol():
    source = on_device(np.zeros((40, 1, 1, 1), np.uint8), np.arange(40) % 3)
    _, protocol = drawn(
        labelled(source, lambda params, stats, z, condition, mode: (z[:, 0], (condition + 1, stats)[1])), num=10
    )
    assert "classes" not in protocol


def test_examples_of_a_split_come_once_each_and_without_augmentation():
    source = digits()
    x = np.concatenate(list(examples(part_of(source, "test"), 1000, jax.random.key(0))))
    assert len(x) == 1000
    assert len({image.tobytes() for image in x}) == 1000
    assert part_of(source, "train").size == 4000


def test_the_merit_of_a_checkpoint_is_higher_where_the_measure_says_that_its_figure_is_better():
    games = [{"wasserstein": 2.0}]
    assert merit_of(measures.plane(), games) == -2.0
    assert merit_of(measures.plane()._replace(better={"wasserstein": "higher"}), games) == 2.0


@pytest.mark.parametrize("size", [1e19, 1e30])
def test_samples_so_large_that_figures_overflow_have_diverged(size):
    real = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    experiment = Experiment(
        data=points2d.swiss_roll(),
        nets=Players(None, Network(None, lambda params, stats, z, condition, mode: (z * size, stats))),
        objective=None,
        optimizers=None,
        prior=priors.normal(2),
        steps=1,
        batch_size=1,
    )
    evaluation = Evaluation(experiment, measures.plane(), num=50)
    assert evaluation.generated(Variables({}, {}), jax.random.key(0)) is None
    with pytest.raises(FloatingPointError, match="their distances overflow"):
        manifold(real, real * np.float32(size))


def test_samples_whose_features_are_not_finite_have_diverged():
    def overflowing(x):
        return Seen(x.reshape(len(x), -1) / (jnp.abs(x).reshape(len(x), -1).max(1, keepdims=True) < 50))

    experiment = Experiment(
        data=on_device(np.random.default_rng(0).integers(0, 256, (40, 2, 2, 1), np.uint8)),
        nets=Players(
            None, Network(None, lambda params, stats, z, condition, mode: (100 * jnp.ones((64, 2, 2, 1)), stats))
        ),
        objective=None,
        optimizers=None,
        prior=priors.normal(2),
        steps=1,
        batch_size=1,
    )
    measure = measures.images(Features("own", "", "none", overflowing))
    evaluation = Evaluation(experiment, measure, num=20)
    assert evaluation.generated(Variables({}, {}), jax.random.key(0)) is None
    assert evaluation.of_real()


def test_games_that_diverged_are_the_worst_in_a_checkpoints_merit():
    measure = measures.plane()
    good, better = {"wasserstein": 2.0}, {"wasserstein": 1.0}
    assert merit_of(measure, [good, better, better]) == -1.0
    assert merit_of(measure, [good, better]) == -1.5
    assert merit_of(measure, [None, good, better]) == -2.0
    assert merit_of(measure, [None, None, better]) is None
    assert merit_of(measure, [None, better]) is None
