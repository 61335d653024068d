"""The loop's traffic between device and host; that it trains is tested as a person types it, in test_cli.py."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import losses, priors
from gan_jax.data.source import on_device
from gan_jax.experiment import Experiment
from gan_jax.nets import mlp
from gan_jax.runs import loop as train
from gan_jax.runs.checkpoint import Checkpoints
from gan_jax.runs.folder import Run
from gan_jax.runs.games import keys_of, make_program
from gan_jax.runs.options import Options
from gan_jax.types import Players


class Fetched(Exception):
    """An array was fetched that nobody asked for."""


@pytest.fixture
def guarded(monkeypatch):
    """A context in which nothing may wait for an array but by jax.device_get, and Orbax for what it saves.

    JAX's own guard holds on a GPU. It lets a CPU's arrays be read where they lie, so there what would fetch fails.
    """
    asarray, save, on = np.asarray, Checkpoints.save, [False]

    def refused(plain: Any) -> Any:
        def convert(x: Any, *args: Any, **kwargs: Any) -> Any:
            if on[-1] and isinstance(x, jax.Array):
                raise Fetched
            return plain(x, *args, **kwargs)

        return convert

    @contextlib.contextmanager
    def guard(refuses: bool) -> Iterator[None]:
        on.append(refuses)
        with jax.transfer_guard_device_to_host("disallow" if refuses else "allow"):
            yield
        on.pop()

    def saving(*args: Any) -> None:
        with guard(False):
            save(*args)

    monkeypatch.setattr(Checkpoints, "save", saving)
    if jax.default_backend() == "cpu":
        monkeypatch.setattr(np, "asarray", refused(asarray))
        for name in ("__bool__", "__float__", "__int__", "__index__"):
            array = type(jnp.zeros(()))
            monkeypatch.setattr(array, name, refused(getattr(array, name)))
    return guard(True)


@pytest.mark.parametrize("games", [1, pytest.param(2, marks=pytest.mark.exhaustive)])
def test_the_loop_waits_for_no_array_that_it_does_not_fetch_by_name(guarded, tmp_path, games):
    shape = (4, 4, 1)
    images = np.random.default_rng(0).integers(0, 256, (6, *shape), np.uint8)  # several epochs an update
    experiment = Experiment(
        data=on_device(images),
        nets=Players(mlp.critic(width=2, depth=1), mlp.generator(shape, width=2, depth=1)),
        objective=losses.hinge(),
        optimizers=Players(optax.sgd(0.1), optax.sgd(0.1)),
        prior=priors.normal(2),
        steps=4,
        batch_size=8,
    )
    options = Options(log_every=1, sample_every=2, save_every=3, num_samples=2, num_seeds=games)
    run = Run(tmp_path, "run", {}, options, experiment.data.name)
    init, update = make_program(experiment, "jit", games)
    state = init(keys_of(0, games).init)
    for game in range(games):
        run.picture(0, game).parent.mkdir(parents=True)
    with guarded:
        train.train(run, experiment, update, state)
    assert len(run.metrics.read_text().splitlines()) == 6  # of 4 steps, and 2 of samples
