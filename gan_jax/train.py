"""The only training loop."""

import contextlib
import functools
import math
import signal
import threading
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
from tqdm import tqdm

from gan_jax.checkpoint import Checkpoints
from gan_jax.experiment import Experiment
from gan_jax.log import Log
from gan_jax.run import Run
from gan_jax.sample import make_sampler
from gan_jax.types import Array, TrainState
from gan_jax.update import Metrics, Update, deal


class Diverged(Exception):
    """A loss, a gradient or a parameter is not finite."""


class Stopped(Exception):
    """A signal asked for the end; the state is saved."""

    def __init__(self, step: int, number: int):
        super().__init__(f"stopped at step {step} by {signal.Signals(number).name}")
        self.number = number


class Keys(NamedTuple):
    """A key for each use of a run's seed."""

    init: Array
    data: Array
    game: Array
    samples: Array


def keys_of(seed: int) -> Keys:
    return Keys(*jax.random.split(jax.random.key(seed), 4))


def train(run: Run, experiment: Experiment, update: Update, state: TrainState) -> None:
    """Trains from the state's step to the experiment's last one.

    Metrics are fetched one step late, so that the device never waits for the host.

    Raises:
      Diverged: at the first step with a metric that isn't finite; nothing is saved from then on.
      Stopped: after the step during which SIGINT or SIGTERM came.
    """
    options = run.options
    keys = keys_of(options.seed)
    sample = make_sampler(experiment.nets.generator, experiment.prior, experiment.data.classes)
    first, last = int(state.step), experiment.steps
    batches = experiment.data.stream(keys.data, first, experiment.examples)
    hand = jax.jit(functools.partial(deal, experiment.turns))

    with (
        Checkpoints(run.checkpoints) as checkpoints,
        Log(run.metrics, run.folder / "tensorboard", first_step=first) as log,
        tqdm(total=last, initial=first, unit="step", dynamic_ncols=True) as bar,
        signals() as received,
    ):

        def settle(step: int, metrics: Metrics) -> None:
            values = {name: float(value) for name, value in jax.device_get(metrics).items()}
            broken = [f"{name} is {value}" for name, value in values.items() if not math.isfinite(value)]
            if broken:
                raise Diverged(f"step {step}: {', '.join(broken)}")
            bar.update()
            checkpoints.tick()
            if step % options.log_every == 0:
                log.write(step, values)
                bar.set_postfix({name: f"{values[name]:.3g}" for name in ("critic/loss", "generator/loss")})

        def save(step: int, state: TrainState) -> None:
            if not all_finite(state):
                raise Diverged(f"step {step}: a parameter is not finite")
            checkpoints.save(step, state)

        def show(step: int, state: TrainState) -> None:
            experiment.view.together(sample(state.ema, keys.samples, options.num_samples), run.picture(step))

        if first == 0:
            save(0, state)
        pending: tuple[int, Metrics] | None = None
        for step in range(first + 1, last + 1):
            state, metrics = update(state, hand(next(batches)), keys.game)
            if pending:
                settle(*pending)
            pending = step, metrics
            saves = step == last or step % options.save_every == 0 or bool(received)
            shows = step == last or step % options.sample_every == 0
            if saves or shows:
                settle(*pending)
                pending = None
            if saves:
                save(step, state)
            if shows:
                show(step, state)
            if received:
                raise Stopped(step, received[0])


@jax.jit
def all_finite(state: TrainState) -> Array:
    leaves = [
        jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(state) if jnp.issubdtype(leaf.dtype, jnp.floating)
    ]
    return jnp.all(jnp.stack(leaves))


@contextlib.contextmanager
def signals() -> Iterator[list[int]]:
    """The first SIGINT or SIGTERM is put in the list, for the loop to end between two steps; a second ends at once."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received  # only the main thread may set handlers
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, _frame: object) -> None:
        received.append(number)
        signal.signal(number, signal.SIG_DFL)

    for number in before:
        signal.signal(number, note)
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
