"""The only training loop."""

import contextlib
import math
import signal
import threading
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from gan_jax.checkpoint import Checkpoints
from gan_jax.evaluate import by_name, make_evaluation, merit_of
from gan_jax.experiment import Experiment
from gan_jax.games import dealt, keys_of, split, step_of
from gan_jax.log import Log
from gan_jax.run import Options, Run, held
from gan_jax.sample import make_sampler
from gan_jax.types import Array, TrainState, Variables
from gan_jax.update import Metrics, Update


class Diverged(Exception):
    """A loss, a gradient or a parameter is not finite."""


class Stopped(Exception):
    """A signal asked for the end; the state is saved."""

    def __init__(self, step: int, number: int):
        super().__init__(f"stopped at step {step} by {signal.Signals(number).name}")
        self.number = number


def train(run: Run, experiment: Experiment, update: Update, state: TrainState) -> None:
    """Trains from the state's step to the experiment's last one.

    Metrics are fetched one step late, so that the device never waits for the host. Of several games those that
    diverge play on as they are, and their metrics are null.

    Raises:
      Diverged: at the first step at which no game's metrics are all finite; nothing is saved from then on.
      Stopped: after the step during which SIGINT or SIGTERM came.
    """
    options = run.options
    games = options.num_seeds
    keys = keys_of(options.seed, games)
    sample = make_sampler(experiment.nets.generator, experiment.prior, experiment.data.classes)
    evaluate = evaluator(experiment, options) if options.evaluate_every else None
    first, last = step_of(state), experiment.steps
    batches = dealt(experiment, keys, games, first)

    with (
        held(run),
        Checkpoints(run.checkpoints) as checkpoints,
        Log(run.metrics, run.folder / "tensorboard", first_step=first, games=games) as log,
        tqdm(total=last, initial=first, unit="step", dynamic_ncols=True) as bar,
        signals() as received,
    ):

        def settle(step: int, metrics: Metrics) -> None:
            values = {name: np.ravel(value) for name, value in jax.device_get(metrics).items()}
            if not np.isfinite(list(values.values())).all(0).any():
                broken = [f"{name} is {value[0]}" for name, value in values.items() if not math.isfinite(value[0])]
                raise Diverged(f"step {step}: {', '.join(broken)}")
            bar.update()
            checkpoints.tick()
            if step % options.log_every == 0:
                log.write(step, {name: value.tolist() for name, value in values.items()})
                losses = {name: np.nanmedian(values[name]) for name in ("critic/loss", "generator/loss")}
                bar.set_postfix({name: f"{value:.3g}" for name, value in losses.items()})

        def save(step: int, state: TrainState, merit: float | None) -> None:
            if not any(all_finite(game) for game in split(state, games)):
                raise Diverged(f"step {step}: a parameter is not finite")
            checkpoints.save(step, state, merit)

        def show(step: int, state: TrainState) -> None:
            for number, (ema, key) in enumerate(zip(split(state.ema, games), split(keys.samples, games))):
                experiment.view.together(sample(ema, key, options.num_samples), run.picture(step, number))

        checkpoints.set_aside(after=first)
        if first == 0:
            save(0, state, None)
        pending: tuple[int, Metrics] | None = None
        for step in range(first + 1, last + 1):
            state, metrics = update(state, next(batches), keys.game)
            if pending:
                settle(*pending)
            pending = step, metrics
            evaluates = evaluate and (step == last or step % options.evaluate_every == 0)
            saves = step == last or step % options.save_every == 0 or bool(received) or evaluates
            shows = step == last or step % options.sample_every == 0
            merit = None
            if saves or shows:
                settle(*pending)
                pending = None
            if evaluate and evaluates:
                figures, merit = evaluate(split(state.ema, games))
                log.write(step, figures)
            if saves:
                save(step, state, merit)
            if shows:
                show(step, state)
            if received:
                raise Stopped(step, received[0])


def evaluator(
    experiment: Experiment, options: Options
) -> Callable[[list[Variables]], tuple[dict[str, list[float | None]], float | None]]:
    """Returns the generators of all games -> their figures, as the log takes them, and the checkpoint's merit."""
    measure = experiment.measure
    assert measure is not None
    evaluation = make_evaluation(experiment, measure, num=options.evaluate_num)

    def evaluate(generators: list[Variables]) -> tuple[dict[str, list[float | None]], float | None]:
        each = [evaluation.generated(variables, jax.random.key(0)) for variables in generators]
        shown = {f"evaluation/{name}": values for name, values in by_name(each).items()}
        return shown, merit_of(measure, each)

    return evaluate


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
