"""The commands `train` and `resume`: from words on the command line to the loop, and from its end to an exit code."""

import contextlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from tyro.conf import OmitArgPrefixes, Positional, arg

from gan_jax.arguments import with_arguments_of
from gan_jax.compiled import BY_DEFAULT, Compiled, keep
from gan_jax.processes import Processes
from gan_jax.terminal import DIVERGED, FAILED, SIGNAL, bad_input, fail, say
from gan_jax.trained import where_data_may_be_named

if TYPE_CHECKING:
    from gan_jax.experiment import Experiment
    from gan_jax.run import Run
    from gan_jax.types import TrainState
    from gan_jax.update import Update

ALONE = Processes()


def train(file: Positional[Path]) -> None:
    """Train an experiment; `gan-jax train EXPERIMENT.py --help` shows the arguments of that one.

    Args:
      file: The experiment, such as experiments/wgan_gp_digits.py.
    """
    with bad_input():
        train_with_arguments_of(file)


def train_with_arguments_of(file: Path) -> Callable[..., None]:
    """The `train` command, with the arguments of the experiment's own signature beside the run's options."""
    from gan_jax import run as runs
    from gan_jax.distributed import check_alike, is_first, join, of_first, or_leave, together
    from gan_jax.experiment import load

    experiment, options = load(file), runs.Options()

    def command(
        file: Positional[Annotated[Path, arg(help="The experiment.")]],
        run_dir: Annotated[Path | None, arg(help="The run's folder; by default a new one below runs/.")] = None,
        *,
        run: OmitArgPrefixes[runs.Options] = options,
        compiled: OmitArgPrefixes[Compiled] = BY_DEFAULT,
        processes: OmitArgPrefixes[Processes] = ALONE,
        **arguments: Any,
    ) -> None:
        from gan_jax.data.memory import noting
        from gan_jax.evaluate import check_measure
        from gan_jax.experiment import build
        from gan_jax.games import keys_of, make_program

        with or_leave(), contextlib.ExitStack() as until_its_end:
            with bad_input(file):
                keep(compiled)
                join(processes)
                with together():
                    folder = run_dir or runs.free_folder(file.stem)
                    if is_first():
                        runs.check_free(folder)
                    runs.check_counts(arguments, run)
                    with noting() as memory:
                        built = build(experiment, arguments, run.precision)
                    init, update = make_program(built, run.parallel, run.num_seeds)
                    check_measure(built, run)
                check_alike(runs.described("train", file, arguments, run, built.data))
                folder = Path(of_first(str(folder)))
                with together():
                    if is_first():
                        created = runs.create(folder, file, arguments, run, built.data.name, memory)
                        say_found(created, built)
                        until_its_end.enter_context(runs.held(created))
                with together():
                    created = runs.open_shared(folder)
            play(created, built, update, init(keys_of(run.seed, run.num_seeds).init))

    return with_arguments_of(experiment, command, file=file, what="run")


def resume(
    run: Positional[Path],
    steps: int | None = None,
    data: Path | None = None,
    compiled: OmitArgPrefixes[Compiled] = BY_DEFAULT,
    processes: OmitArgPrefixes[Processes] = ALONE,
) -> None:
    """Go on with a run from its newest checkpoint, on as many devices and processes as there are now.

    Args:
      run: The run's folder.
      steps: Updates in all, those already made included; by default as many as before. A learning rate that falls
        with the number of steps falls anew.
      data: Where the run's data lie now, if they were moved.
      compiled: Where compiled programs are kept.
      processes: How this process finds others.
    """
    from gan_jax import rollback
    from gan_jax import run as runs
    from gan_jax.checkpoint import restore
    from gan_jax.checkpoint import steps as steps_saved
    from gan_jax.distributed import check_alike, is_first, join, of_first, or_leave, together
    from gan_jax.games import abstract_state, keys_of, step_of
    from gan_jax.log import check_metrics

    with or_leave(), contextlib.ExitStack() as until_its_end:
        with bad_input(run / "experiment.py"):
            keep(compiled)
            join(processes)
            with together():
                opened = runs.moved(runs.open_run(run), data)
                changed = {} if steps is None else {"steps": steps}
                runs.check_counts(opened.arguments | changed, opened.options)
                if is_first():
                    until_its_end.enter_context(runs.held(opened))
                    check_metrics(opened.metrics)
                with where_data_may_be_named(data):
                    built, games = opened.experiment(**changed), opened.options.num_seeds
                runs.check_same_data(opened, built)
            given = opened.arguments | changed
            check_alike(runs.described("resume", run / "experiment.py", given, opened.options, built.data))
            begun = opened.has_metrics or any(steps_saved(opened.checkpoints))  # step 0 may have been cut short
            begun, rollbacks = json.loads(of_first(json.dumps([begun, rollback.count(opened)])))
            with together():
                init, update = rollback.program(opened, built, rollbacks)
            state = restore(opened.checkpoints, abstract_state(built, games)) if begun else None
            if state and (step := step_of(state)) >= built.steps:
                print(f"{run} is at step {step} already: --steps N with a larger N goes on")
                return
            state = state or init(keys_of(opened.options.seed, games).init)
            with together():
                if is_first():
                    if built.steps != (before := opened.arguments["steps"]):
                        say(f"{run}: its steps were {before:,} and are now {built.steps:,}")
                    runs.change_steps(opened, built.steps)
                    say_found(opened, built)
        play(opened, built, update, state, rollbacks)


def say_found(run: "Run", experiment: "Experiment") -> None:
    """One line of the run's folder and data, and one more if these are few."""
    from gan_jax.run import tell_found

    data, batch_size = experiment.data, experiment.batch_size
    say(f"{run.folder}: {tell_found(run, data)}")
    if data.size is not None and data.size < batch_size:
        say(f"{data.size} examples are fewer than a batch of {batch_size}: some come twice in one")


def play(run: "Run", experiment: "Experiment", update: "Update", state: "TrainState", rollbacks: int = 0) -> None:
    """Trains, and says where the run lies, or why it ended. rollbacks: how often it has gone back."""
    from gan_jax import rollback
    from gan_jax.checkpoint import NotSaved
    from gan_jax.distributed import is_first, lost_a_peer
    from gan_jax.signals import Stopped
    from gan_jax.train import Diverged, train

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
    """The end that all processes have come to; one says why."""
    from gan_jax.distributed import is_first

    if is_first():
        fail(message, code)
    sys.exit(code)


def end_alone(message: str, code: int) -> NoReturn:
    """The end of this process; others that wait for it are left at once, which ends them too."""
    import jax

    from gan_jax.distributed import leave

    if jax.process_count() > 1:
        leave(message, code)
    fail(message, code)
