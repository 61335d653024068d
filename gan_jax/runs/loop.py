"""The only training loop."""

import contextlib
from collections.abc import Callable, Iterator

import jax

from gan_jax.evaluation.figures import Evaluation, merit_of, values_of
from gan_jax.experiment import Experiment
from gan_jax.parallel import one_copy
from gan_jax.runs.checkpoint import Checkpoints, set_aside
from gan_jax.runs.divergence import Diverged, check_state
from gan_jax.runs.folder import Run
from gan_jax.runs.games import dealt, keys_of, split, step_of
from gan_jax.runs.interrupts import Stopped, signals
from gan_jax.runs.pictures import make_pictures
from gan_jax.runs.processes import is_first, make_anyone, together
from gan_jax.runs.progress import progress_of
from gan_jax.runs.schedule import due
from gan_jax.runs.watch import DIVERSITY
from gan_jax.types import TrainState, Variables
from gan_jax.update import Update


def train(run: Run, experiment: Experiment, update: Update, state: TrainState, rollbacks: int = 0) -> None:
    """Trains from the state's step to the experiment's last one.

    Of several games those that diverge play on as they are, and their metrics are null. Several processes all do the
    same, and the first one writes.

    Args:
      run: The run's folder and options.
      experiment: Its experiment.
      update: The compiled update of all its games.
      state: Where it goes on from; its arrays are consumed.
      rollbacks: How often the run has gone back so far.

    Raises:
      Diverged: At the first step at which no game's metrics are all finite; nothing is saved from then on.
      Stopped: After the step during which SIGINT or SIGTERM came, with its state saved.
      NotSaved: A checkpoint couldn't be written.
    """
    options, games = run.options, run.options.num_seeds
    first, last = step_of(state), experiment.steps
    keys = keys_of(options.seed, games, rollbacks)
    batches = dealt(experiment, keys, games, first)
    evaluate = make_evaluate(experiment, options.evaluate_num) if options.evaluate_every else None
    draw = make_pictures(run, experiment, keys)
    anyone = make_anyone()
    with together():
        if is_first():
            set_aside(run.checkpoints, after=first)
    with (
        Checkpoints(run.checkpoints) as checkpoints,
        progress_of(run, first, last) as progress,
        signals() as received,
        finished_before_divergence(checkpoints),
    ):
        if first == 0:
            checkpoints.save(0, state)
            checkpoints.finish()  # before there are metrics, which nothing could go on from
        for step in range(first + 1, last + 1):
            state, metrics = update(state, next(batches), keys.game)
            now = due(step, last, options)
            progress.put(step, metrics, log=now.log)
            checkpoints.tick()
            stopping = anyone(received[0] if received else 0)
            saves = now.save or stopping > 0
            if now.show or saves:
                progress.flush()
                check_state(step, state, games)
            generators = split(one_copy(state.ema), games) if now.show or now.evaluate else []
            merit = None
            if evaluate and now.evaluate:
                figures, merit = evaluate(generators)
                progress.write(step, options.evaluate_every, figures)
            if now.show and is_first():
                progress.write(step, options.sample_every, {DIVERSITY: draw(step, generators)})
                progress.show(step)
            if saves:  # last, so that what a run was killed before is made again
                progress.sync()
                checkpoints.save(step, state, merit)
            if stopping:
                checkpoints.finish()
                raise Stopped(step, stopping)


@contextlib.contextmanager
def finished_before_divergence(checkpoints: Checkpoints) -> Iterator[None]:
    """Finishes the save under way, which is of a good state, before Diverged goes further."""
    try:
        yield
    except Diverged:
        checkpoints.finish()
        raise


def make_evaluate(
    experiment: Experiment, num: int
) -> Callable[[list[Variables]], tuple[dict[str, list[float | None]], float | None]]:
    """Returns the generators of all games -> their figures, as the log takes them, and the checkpoint's merit."""
    measure = experiment.measure
    assert measure is not None
    evaluation = Evaluation(experiment, measure, num=num)

    def evaluate(generators: list[Variables]) -> tuple[dict[str, list[float | None]], float | None]:
        each = [evaluation.generated(variables, jax.random.key(0)) for variables in generators]
        return {f"evaluation/{name}": values for name, values in values_of(each).items()}, merit_of(measure, each)

    return evaluate
