"""2N steps in one go, and N steps, an end and N more, leave the same bytes: every kind of game."""

import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from experiment_files import EVERY_TERM
from jax.sharding import AxisType

from gan_jax import parallel
from gan_jax.cli import main as cli
from gan_jax.runs.checkpoint import restore
from gan_jax.runs.folder import open_run
from gan_jax.runs.games import abstract_state

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
STREAMED = """
import jax
import numpy as np
import optax

from gan_jax import losses, priors
from gan_jax.data.stream import streamed
from gan_jax.experiment import Experiment
from gan_jax.nets import mlp
from gan_jax.types import Batch, Players

RECORDS = [np.random.default_rng(number).integers(0, 256, (4, 4, 1), np.uint8) for number in range(40)]


def experiment(*, steps: int = 8, batch_size: int = 8) -> Experiment:
    optimizer = optax.adam(1e-3)
    shape = (4, 4, 1)
    return Experiment(
        data=streamed(RECORDS, lambda record: Batch(record), Batch(jax.ShapeDtypeStruct(shape, np.float32))),
        nets=Players(mlp.critic(width=8), mlp.generator(shape, width=8)),
        objective=losses.hinge(),
        optimizers=Players(optimizer, optimizer),
        prior=priors.normal(3),
        steps=steps,
        batch_size=batch_size,
    )
"""
FAMILIES = {
    "points": "wgan_gp_points.py --width 8",
    "digits": "dcgan_digits.py --width 2",  # dropout and batch statistics
    "spectral norm": "sngan_digits.py --width 2",
    "conditional": "dcgan_digits.py --width 2 --conditional",
    "streamed": "streamed.py",
    "every term": "every_term.py",
    "super-resolution": "super_resolution_digits.py --width 2",
}
EVERY = "--batch-size 8 --log-every 1 --save-every 2 --sample-every 2 --num-samples 4".split()  # noqa: SIM905

BEGIN, MARKED = '{"step": 1, ', '{"step": 1,  '


def on_devices(count: int) -> jax.sharding.Mesh:
    return jax.make_mesh((count,), (parallel.AXIS,), axis_types=(AxisType.Auto,), devices=jax.devices()[:count])


@pytest.mark.parametrize(
    ("family", "devices"),
    [
        ("digits", 8),
        *(
            pytest.param(family, devices, marks=pytest.mark.exhaustive)
            for family, devices in [
                *((family, 8) for family in FAMILIES if family != "digits"),
                ("digits", 1),
                ("streamed", 1),
            ]
        ),
    ],
)
def test_a_run_that_goes_on_from_a_checkpoint_is_the_run_in_one(family, devices, tmp_path, monkeypatch):
    monkeypatch.setattr(parallel, "make_mesh", lambda: on_devices(devices))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "streamed.py").write_text(STREAMED)
    (tmp_path / "every_term.py").write_text(EVERY_TERM)
    name, *arguments = FAMILIES[family].split()
    file = str(EXPERIMENTS / name if (EXPERIMENTS / name).exists() else name)
    cli.main(["train", file, "--run-dir", "whole", "--steps", "4", *arguments, *EVERY])
    shutil.copytree("whole", "parts")
    shutil.rmtree("parts/checkpoints/4")
    open_run(Path("parts")).picture(4).unlink()
    lines = Path("parts/metrics.jsonl").read_text()
    Path("parts/metrics.jsonl").write_text(lines.replace(BEGIN, MARKED, 1))
    cli.main(["resume", "parts", "--steps", "4"])

    whole, parts = Path("whole"), Path("parts")
    assert MARKED in (parts / "metrics.jsonl").read_text(), "the run began again"
    assert (whole / "metrics.jsonl").read_text() == (parts / "metrics.jsonl").read_text().replace(MARKED, BEGIN)
    for step in (2, 4):
        assert open_run(whole).picture(step).read_bytes() == open_run(parts).picture(step).read_bytes()
    for one, other in zip(*(jax.tree.leaves(state_of(run)) for run in (whole, parts)), strict=True):
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()


def state_of(folder: Path):
    run = open_run(folder)
    return restore(run.checkpoints, abstract_state(run.experiment()))


@pytest.mark.exhaustive
def test_a_checkpoint_of_eight_devices_is_restored_onto_one_and_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = str(EXPERIMENTS / "wgan_gp_points.py")
    cli.main(["train", file, "--run-dir", "run", "--steps", "1", "--width", "8", *EVERY])
    on_eight = state_of(Path("run"))
    with monkeypatch.context() as one_device:
        one_device.setattr(parallel, "make_mesh", lambda: on_devices(1))
        on_one = state_of(Path("run"))
        cli.main(["resume", "run", "--steps", "2"])
    cli.main(["resume", "run", "--steps", "3"])
    for a, b in zip(jax.tree.leaves(on_eight), jax.tree.leaves(on_one), strict=True):
        assert (len(a.sharding.device_set), len(b.sharding.device_set)) == (8, 1)
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    assert int(state_of(Path("run")).step) == 3
