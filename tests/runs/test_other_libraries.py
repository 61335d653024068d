"""A run whose generator is an NNX module and whose critic an Equinox one: trained, resumed, sampled, continued."""

import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

from gan_jax.cli import main as cli
from gan_jax.runs.checkpoint import restore
from gan_jax.runs.folder import open_run
from gan_jax.runs.games import abstract_state
from gan_jax.trees import named

pytest.importorskip("equinox")

MIXED = """
import equinox as eqx
import jax
import optax
from flax import nnx

from gan_jax import losses, priors, views
from gan_jax.data.packaged.points2d import gaussians8
from gan_jax.experiment import Experiment
from gan_jax.nets import from_equinox, from_nnx
from gan_jax.types import Players


class Generator(nnx.Module):
    def __init__(self, rngs):
        self.first, self.norm = nnx.Linear(2, 8, rngs=rngs), nnx.BatchNorm(8, rngs=rngs)
        self.dropout, self.last = nnx.Dropout(0.1, rngs=rngs), nnx.Linear(8, 2, rngs=rngs)

    def __call__(self, z):
        return self.last(self.dropout(nnx.relu(self.norm(self.first(z)))))


def critic(key):
    first, last = jax.random.split(key)
    layers = [eqx.nn.Linear(2, 8, key=first), eqx.nn.BatchNorm(8, "batch", mode="batch"), eqx.nn.Lambda(jax.nn.relu)]
    return eqx.nn.Sequential([*layers, eqx.nn.Dropout(0.1), eqx.nn.Linear(8, "scalar", key=last)])


def experiment(*, steps: int = 4, batch_size: int = 16) -> Experiment:
    return Experiment(
        data=gaussians8(),
        nets=Players(critic=from_equinox(critic), generator=from_nnx(Generator)),
        objective=losses.minimax(),
        optimizers=Players(optax.adam(1e-3), optax.adam(1e-3)),
        prior=priors.normal(2),
        steps=steps,
        batch_size=batch_size,
        view=views.points,
    )
"""
EVERY = ["--log-every", "1", "--save-every", "2", "--sample-every", "4", "--num-samples", "4"]
FROZEN = ["critic/layers/0", "generator/first"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with a run of four steps, and one of two that was resumed for two more."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "mixed.py").write_text(MIXED)
    cli.main(["train", str(folder / "mixed.py"), "--run-dir", str(folder / "whole"), *EVERY])
    shutil.copytree(folder / "whole", folder / "parts")
    shutil.rmtree(folder / "parts" / "checkpoints" / "4")
    open_run(folder / "parts").picture(4).unlink()
    cli.main(["resume", str(folder / "parts"), "--steps", "4"])
    return folder


def state_of(folder: Path):
    run = open_run(folder)
    return restore(run.checkpoints, abstract_state(run.experiment()))


def test_a_run_that_goes_on_from_a_checkpoint_is_the_run_in_one(runs):
    one, other = (named(state_of(runs / name)) for name in ("whole", "parts"))
    assert one.keys() == other.keys()
    for name in one:
        assert np.asarray(one[name]).tobytes() == np.asarray(other[name]).tobytes(), name
    assert one.keys() >= {"params/critic/layers/0/weight", "stats/critic/layers/1/batch_counter"}
    assert one.keys() >= {"params/generator/first/kernel", "ema/stats/norm/mean"}
    assert int(one["stats/critic/layers/1/batch_counter"]) == 8  # real and fake ones of four turns
    first, second = (open_run(runs / name).picture(4).read_bytes() for name in ("whole", "parts"))
    assert first == second


def test_samples_of_both_are_the_same_file(runs, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("whole", "parts"):
        cli.main(["sample", str(runs / name), "--out", f"{name}.png", "--num", "5", "--no-provenance"])
    assert Path("whole.png").read_bytes() == Path("parts.png").read_bytes()


def test_weights_go_into_another_run_and_layers_freeze_by_their_names(runs, tmp_path):
    start = ["train", str(runs / "mixed.py"), "--steps", "1", *EVERY, "--init-from", str(runs / "whole")]
    cli.main([*start, "--run-dir", str(tmp_path / "next"), "--freeze", ",".join(FROZEN)])
    before, after = state_of(runs / "whole").params, state_of(tmp_path / "next").params
    same = named(jax.tree.map(np.array_equal, before, after))
    kept = {name for name, is_same in same.items() if is_same}
    assert kept == {f"{layer}/bias" for layer in FROZEN} | {"critic/layers/0/weight", "generator/first/kernel"}
