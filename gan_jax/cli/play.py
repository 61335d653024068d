"""Training to the end, with its messages and exit codes, for `train` and `resume`."""

import sys
from typing import TYPE_CHECKING, NoReturn

from gan_jax.cli.terminal import DIVERGED, FAILED, SIGNAL, fail, say

if TYPE_CHECKING:
    from gan_jax.experiment import Experiment
    from gan_jax.runs.folder import Run
    from gan_jax.runs.transfer import Start
    from gan_jax.types import TrainState
    from gan_jax.update import Update


def say_found(run: "Run", experiment: "Experiment", start: "Start | None" = None) -> None:
    """Prints a line on the run's folder and data, one if a batch needs more examples, and one on --init-from."""
    from gan_jax.runs.run_data import describe

    data, batch_size = experiment.data, experiment.batch_size
    say(f"{run.folder}: {describe(run, data)}")
    if data.size is not None and data.size < batch_size:
        say(f"{data.size} examples are fewer than a batch of {batch_size}: a batch has some of them twice")
    if start is not None:
        say(start.line)


def play(run: "Run", experiment: "Experiment", update: "Update", state: "TrainState", rollbacks: int = 0) -> None:
    """Trains, goes back where the run diverges and may, and prints where the run lies or why it ended.

    Args:
      run: The run.
      experiment: Its experiment.
      update: The compiled update.
      state: The state to go on from.
      rollbacks: How often the run has gone back so far.
    """
    from gan_jax.runs import rollback
    from gan_jax.runs.checkpoint import NotSaved
    from gan_jax.runs.divergence import Diverged
    from gan_jax.runs.interrupts import Stopped
    from gan_jax.runs.loop import train
    from gan_jax.runs.processes import is_first, lost_a_peer

    while True:
        try:
            train(run, experiment, update, state, rollbacks)
            break
        except Stopped as error:
            end(f"{error}: `gan-jax resume {run.folder}` goes on from there", SIGNAL + error.number)
        except (NotSaved, OSError) as error:
            if lost_a_peer(error):
                raise
            end_alone(f"{error}: once that is mended, `gan-jax resume {run.folder}` goes on", FAILED)
        except Diverged as error:
            why = str(error)
        most = run.options.max_rollbacks
        if run.options.on_divergence == "stop" or rollbacks >= most:
            times = f" after {rollbacks} rollbacks" if rollbacks else ""
            end(f"{why}: diverged{times}; {run.checkpoints} holds the state from before", DIVERGED)
        try:
            rollbacks += 1
            step, update, state = rollback.go_back(run, experiment, why, rollbacks)
        except (ValueError, OSError) as error:
            end_alone(f"{why}: diverged, and can't go back: {error}", DIVERGED)
        if is_first():
            count = f"{rollbacks} of at most {most} times"
            print(f"gan-jax: {why}: diverged; goes back to step {step}, {count}", file=sys.stderr)
    if is_first():
        print(f"{run.folder}: trained to step {experiment.steps}, samples in {run.folder / 'samples'}")


def end(message: str, code: int) -> NoReturn:
    """Ends all processes, which have come to the same end; the first one says why."""
    from gan_jax.runs.processes import is_first

    if is_first():
        fail(message, code)
    sys.exit(code)


def end_alone(message: str, code: int) -> NoReturn:
    """Ends this process at once, which also ends others that wait for it."""
    import jax

    from gan_jax.runs.processes import leave

    if jax.process_count() > 1:
        leave(message, code)
    fail(message, code)
