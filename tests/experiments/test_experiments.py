"""Every experiment, at a tiny width: it fits together, and one update of it is finite."""

import inspect
import typing

import jax
import numpy as np
import pytest
from experiment_files import EACH, FILES, build
from source_properties import take

from gan_jax.data.folders import images as folder_module
from gan_jax.data.source import on_device
from gan_jax.experiment import init_of, load, make_updates
from gan_jax.play import Metrics
from gan_jax.runs.games import KEY, abstract_batches, keys_of, make_program
from gan_jax.types import Mode, TrainState
from gan_jax.update import deal

pytestmark = pytest.mark.usefixtures("data_at_hand")

BY_DEFAULT = {"wgan_gp_points"}
FIT_BY_DEFAULT = {"packed", "consistency", "information", "convlstm"}


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(file, id=file.stem, marks=[pytest.mark.exhaustive] if file.stem == "r3gan_cifar10" else [])
        for file in FILES
        if "conditional" in file.read_text()
    ],
)
def test_its_conditional_form_fits_together(file):
    make_program(build(file, conditional=True), "jit")


@pytest.mark.parametrize(
    ("file", "name", "choice"),
    [
        pytest.param(
            *(file, name, choice),
            id=f"{file.stem}-{choice}",
            marks=[] if choice in FIT_BY_DEFAULT else [pytest.mark.exhaustive],
        )
        for file in FILES
        for name, hint in typing.get_type_hints(load(file)).items()
        if name in ("objective", "network", "generator")
        for choice in typing.get_args(hint)
    ],
)
def test_each_objective_and_network_that_it_offers_fits_together(file, name, choice):
    make_program(build(file, batch_size=16, **{name: choice}), "jit")


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(file, id=file.stem, marks=[] if file.stem in BY_DEFAULT else [pytest.mark.exhaustive])
        for file in FILES
    ],
)
def test_one_update_is_finite_and_moves_both_players(file):
    experiment = build(file)
    init, update = make_program(experiment, "jit")
    keys = keys_of(0)
    state = init(keys.init)
    before = jax.tree.map(np.asarray, state.params)
    batch = next(experiment.data.stream(keys.data, 0, experiment.examples))
    state, metrics = update(state, deal(experiment.turns, batch), keys.game)
    assert all(np.isfinite(value) for value in metrics.values()), metrics
    assert_what_is_special(file.stem, state, metrics)
    for old, new in zip(before, state.params, strict=True):
        assert not all(np.array_equal(a, b) for a, b in zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [  # every family of networks, and every primitive
        ("dcgan_digits", {}),
        ("gan3d_furniture", {}),
        pytest.param("relativistic_images", {}, marks=pytest.mark.exhaustive),
        pytest.param("relativistic_video", {}, marks=pytest.mark.exhaustive),
        pytest.param("relativistic_video", {"generator": "convlstm"}, marks=pytest.mark.exhaustive),
        pytest.param("sngan_cifar10", {}, marks=pytest.mark.exhaustive),
        pytest.param("wavegan_drums", {}, marks=pytest.mark.exhaustive),
        ("wgan_gp_points", {}),
        pytest.param("wgan_gp_text", {}, marks=pytest.mark.exhaustive),
    ],
)
def test_its_update_is_lowered_for_gpus_and_tpus_on_a_machine_without_them(name, arguments):
    (file,) = (file for file in FILES if file.stem == name)
    experiment = build(file, **arguments)
    state = jax.eval_shape(init_of(experiment), KEY)
    traced = jax.jit(make_updates(experiment)()).trace(state, abstract_batches(experiment, 1), KEY)
    assert "stablehlo" in traced.lower(lowering_platforms=("cuda", "tpu")).as_text()


def assert_what_is_special(name: str, state: TrainState, metrics: Metrics) -> None:
    if name == "wgan_digits":
        assert max(abs(leaf).max() for leaf in jax.tree.leaves(state.params.critic)) <= 0.0201
    elif name.startswith("wgan_gp"):  # at the start slopes are small, but of text: (slope - 1)² is near 1, or 4
        weight = 0.1 if name == "wgan_gp_points" else 10
        assert 0.05 * weight < metrics["critic/gradient_penalty"] < (8 if name == "wgan_gp_text" else 2) * weight
    elif name.startswith("sngan"):
        assert "spectral" in state.stats.critic


def test_the_articles_alternation_is_an_epoch_of_turns_of_each_player():
    (file,) = (file for file in FILES if file.stem == "minimax_digits")
    experiment = build(file, batch_size=64, epochs=True)
    assert experiment.critic_steps == experiment.generator_steps == 4000 // 64


def test_a_text_of_your_own_takes_the_place_of_the_new_testament(tmp_path):
    (tmp_path / "names.txt").write_text("Ada\nGrace\nEmmy\n")
    (file,) = (file for file in FILES if file.stem == "wgan_gp_text")
    assert build(file).data.name.startswith("New Testament train")
    own = build(file, text=tmp_path / "names.txt").data
    assert (own.size, own.example.x.shape) == (3, (32, 11))  # with the space, 11 characters
    short = build(file, text=tmp_path / "names.txt", length=8, lower=True, alphabet=9).data
    assert (short.size, short.example.x.shape) == (3, (8, 9))
    assert build(file, length=16).data.example.x.shape[0] == 16


@pytest.mark.parametrize("name", ["r3gan_folder", "stylegan2_ada_folder"])
def test_images_are_mirrored_where_asked_for(monkeypatch, name):
    white_on_the_right = np.zeros((8, 32, 32, 3), np.uint8)
    white_on_the_right[:, :, 16:] = 255
    monkeypatch.setattr(folder_module, "images", lambda *_, **__: on_device(white_on_the_right))
    (file,) = (file for file in FILES if file.stem == name)

    def colours_on_the_right(mirrored: bool) -> set[float]:
        (batch,) = take(build(file, size=32, mirrored=mirrored).data, 1, batch_size=64)
        return set(np.asarray(batch.x)[:, 0, 31, 0].tolist())

    assert colours_on_the_right(False) == {1.0}
    assert colours_on_the_right(True) == {-1.0, 1.0}


def test_r3gans_critic_embeds_classes_at_the_width_of_its_stages():
    (file,) = (file for file in FILES if file.stem == "r3gan_cifar10")
    made = build(file, conditional=True, width=16)
    images, labels = np.zeros((1, 32, 32, 3), np.float32), np.zeros(1, np.int32)
    params, _ = jax.eval_shape(made.nets.critic.init, jax.random.key(0), images, labels)
    assert params["Embed_0"]["embedding"].shape == (10, 16)


def test_the_dcgan_of_relativistic_images_filters_its_upsampling():
    (file,) = (file for file in FILES if file.stem == "relativistic_images")
    network, z = build(file).nets.generator, jax.random.normal(jax.random.key(0), (4, 100))
    images, _ = jax.jit(network.apply)(*network.init(jax.random.key(1), z, None), z, None, Mode(train=True))
    spectrum = np.abs(np.fft.rfft(images - images.mean((1, 2), keepdims=True), axis=2)) ** 2
    assert spectrum[:, :, -1].sum() < 5e-3 * spectrum.sum()


@pytest.mark.parametrize("name", ["wgan_gp_cifar10", "sngan_cifar10"])
def test_the_papers_generator_has_a_batch_of_128(name):
    (file,) = (file for file in FILES if file.stem == name)
    turns = load(file)(width=4).turns
    assert turns.critic == (5, 64)
    assert turns.generator == (1, 128)


@EACH
def test_its_docstring_gives_the_command_and_the_signature_has_help(file):
    assert f"gan-jax train experiments/{file.name}" in file.read_text()
    function = load(file)
    for name in inspect.signature(function).parameters:
        assert f"{name}: " in inspect.getdoc(function)
