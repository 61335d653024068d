"""The only training loop."""

import contextlib
import functools
import math
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from gan_jax.evaluation.evaluate import by_name, make_evaluation, merit_of
from gan_jax.experiment import Experiment
from gan_jax.parallel import one_copy
from gan_jax.runs.checkpoint import Checkpoints, set_aside
from gan_jax.runs.folder import Run
from gan_jax.runs.games import Keys, dealt, keys_of, split, step_of
from gan_jax.runs.interrupts import Stopped, signals
from gan_jax.runs.log import Log
from gan_jax.runs.options import Options
from gan_jax.runs.processes import is_first, make_anyone, together
from gan_jax.runs.watch import Watch, spread
from gan_jax.sample import make_sampler
from gan_jax.types import Array, TrainState, Variables
from gan_jax.update import Metrics, Update


class Diverged(Exception):
    """A loss, a gradient or a parameter is not finite."""


def train(run: Run, experiment: Experiment, update: Update, state: TrainState, rollbacks: int = 0) -> None:
    """Trains from the state's step to the experiment's last one, after so many rollbacks.

    Metrics are fetched one step late, so that the device never waits for the host. Of several games those that
    diverge play on as they are, and their metrics are null. Of several processes all do the same, the first one writes.

    Raises:
      Diverged: at the first step at which no game's metrics are all finite; nothing is saved from then on.
      Stopped: after the step during which SIGINT or SIGTERM came, with its state saved.
      NotSaved: a checkpoint couldn't be written.
    """
    options = run.options
    games = options.num_seeds
    keys = keys_of(options.seed, games, rollbacks)
    evaluate = evaluator(experiment, options) if options.evaluate_every else None
    show = shower(run, experiment, keys)
    watch = Watch()
    first, last = step_of(state), experiment.steps
    batches = dealt(experiment, keys, games, first)
    anyone = make_anyone()

    with together():
        if is_first():
            set_aside(run.checkpoints, after=first)
    with (
        Checkpoints(run.checkpoints) as checkpoints,
        writer(run, first) as log,
        tqdm(total=last, initial=first, unit="step", dynamic_ncols=True, disable=not is_first()) as bar,
        signals() as received,
    ):

        def note(step: int, every: int, metrics: dict[str, list[float | None]]) -> None:
            if log:
                log.write(step, metrics, last=step % every > 0)
                for sign in watch.look(metrics):
                    bar.write(f"gan-jax: step {step}: {sign}", file=sys.stderr)

        def give_up(why: str) -> NoReturn:
            checkpoints.finish()  # what is being saved is good
            raise Diverged(why)

        def settle(step: int, metrics: Metrics) -> None:
            values = {name: np.ravel(value) for name, value in jax.device_get(metrics).items()}
            if not np.isfinite(list(values.values())).all(0).any():
                broken = [f"{name} is {value[0]}" for name, value in values.items() if not math.isfinite(value[0])]
                more = f", and {len(broken) - 1} more metrics" if broken[1:] else ""
                give_up(f"step {step}: {broken[0]}{more}")
            bar.update()
            checkpoints.tick()
            if step % options.log_every == 0 or step == last:
                note(step, options.log_every, {name: value.tolist() for name, value in values.items()})
                losses = {name: np.nanmedian(values[name]) for name in ("critic/loss", "generator/loss")}
                bar.set_postfix({name: f"{value:.3g}" for name, value in losses.items()})

        if first == 0:
            checkpoints.save(0, state)
            checkpoints.finish()  # before there are metrics, which nothing could go on from
        pending: tuple[int, Metrics] | None = None
        for step in range(first + 1, last + 1):
            state, metrics = update(state, next(batches), keys.game)
            if pending:
                settle(*pending)
            pending = step, metrics
            stopping = anyone(received[0] if received else 0)
            evaluates = evaluate and (step == last or step % options.evaluate_every == 0)
            shows = step == last or step % options.sample_every == 0
            saves = step == last or step % options.save_every == 0 or stopping > 0 or evaluates
            merit = None
            if shows or saves:
                settle(*pending)
                pending = None
                if not any(jax.device_get([all_finite(game) for game in split(state, games)])):
                    give_up(f"step {step}: a parameter is not finite")
            if evaluate and evaluates:
                figures, merit = evaluate(split(one_copy(state.ema), games))
                note(step, options.evaluate_every, figures)
            if shows and log:
                note(step, options.sample_every, show(step, split(one_copy(state.ema), games)))
            if saves:  # last, so that what a run was killed before is made again
                if log:
                    log.sync()
                checkpoints.save(step, state, merit)
            if stopping:
                checkpoints.finish()
                raise Stopped(step, stopping)


def writer(run: Run, first_step: int) -> contextlib.AbstractContextManager[Log | None]:
    """The log, which one process alone keeps."""
    if not is_first():
        return contextlib.nullcontext()
    return Log(run.metrics, run.folder / "tensorboard", first_step=first_step, games=run.options.num_seeds)


def shower(run: Run, experiment: Experiment, keys: Keys) -> Callable[[int, list[Variables]], dict[str, Any]]:
    """Returns (step, generators of all games) -> the diversity of each one's samples, drawn in the run's folder.

    They are of the same latent examples each time. Their diversity is in parts of that of as many real examples.
    """
    count = run.options.num_samples
    sample = make_sampler(experiment.nets.generator, experiment.prior, experiment.data.classes)
    each = split(keys, run.options.num_seeds)

    @functools.cache
    def of_real(game: int) -> float:
        return spread(jax.device_get(next(experiment.data.stream(each[game].data, 0, count)).x)) or math.nan

    def show(step: int, generators: list[Variables]) -> dict[str, Any]:
        samples = [sample(ema, key.samples, count) for ema, key in zip(generators, each)]
        for game, drawn in enumerate(samples):
            experiment.view.together[".png"](drawn, run.picture(step, game))
        return {"samples/diversity": [spread(drawn) / of_real(game) for game, drawn in enumerate(samples)]}

    return show


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
