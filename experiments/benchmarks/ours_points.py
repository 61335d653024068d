"""Ours: iterations of experiments/wgan_gp_points.py, many in one program."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
from side_by_side import advancing

from gan_jax.experiment import Experiment, load
from gan_jax.play import Metrics
from gan_jax.runs.games import compiler_options, make_program
from gan_jax.types import Array, Batch, Players, TrainState
from gan_jax.update import deal

FILE = Path(__file__).parent.parent / "wgan_gp_points.py"


def make(width: int, batch_size: int) -> Experiment:
    """Returns the experiment with MLPs of this width."""
    return load(FILE)(width=width, batch_size=batch_size)


def draw(experiment: Experiment, iterations: int) -> Array:
    """Draws points of the data for so many iterations: [iterations, examples, 2]."""
    batch = next(experiment.data.stream(jax.random.key(1), 0, iterations * experiment.examples))
    return batch.x.reshape(iterations, experiment.examples, -1)


def iterations(experiment: Experiment, points: Array) -> Callable[[], Any]:
    """Makes a contender that takes an iteration on each of the `points` in one call."""
    init, compiled = make_program(experiment, "jit")
    update = inspect.unwrap(compiled)  # as it was before jit

    def scanned(state: TrainState, batches: Players[Batch], key: Array) -> tuple[TrainState, Metrics]:
        return jax.lax.scan(lambda state, batch: update(state, batch, key), state, batches)

    program = jax.jit(scanned, donate_argnums=0, compiler_options=compiler_options(experiment))
    batches = jax.vmap(functools.partial(deal, experiment.turns))(Batch(points))
    key = jax.random.key(0)
    return advancing(program, init(key), batches, key)
