"""`gan-jax train`: start a run of an experiment."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import OmitArgPrefixes, Positional, arg

from gan_jax.cli.arguments import with_arguments_of
from gan_jax.cli.compile_cache import BY_DEFAULT, Compiled, keep
from gan_jax.cli.platforms import leave_tpus_alone
from gan_jax.cli.play import play, say_found
from gan_jax.cli.terminal import bad_input
from gan_jax.runs.options import Processes

ALONE = Processes()


def train(file: Positional[Path]) -> None:
    """Train an experiment; `gan-jax train EXPERIMENT.py --help` shows its arguments.

    Args:
      file: The experiment, such as experiments/wgan_gp_digits.py.
    """
    with bad_input():
        train_with_arguments_of(file)


def train_with_arguments_of(file: Path) -> Callable[..., None]:
    """Returns the `train` command with the arguments of an experiment beside the options of a run."""
    from gan_jax.experiment import load
    from gan_jax.runs import folder as runs, transfer
    from gan_jax.runs.lock import held
    from gan_jax.runs.options import Options, check_counts
    from gan_jax.runs.processes import check_alike, is_first, join, of_first, or_leave, shared_settings, together
    from gan_jax.runs.track import check_tracker

    leave_tpus_alone()  # a user's file may use JAX as it loads
    experiment, options = load(file), Options()

    def command(
        file: Positional[Annotated[Path, arg(help="The experiment.")]],
        run_dir: Annotated[Path | None, arg(help="The run's folder; by default a new one in runs/.")] = None,
        *,
        run: OmitArgPrefixes[Options] = options,
        compiled: OmitArgPrefixes[Compiled] = BY_DEFAULT,
        processes: OmitArgPrefixes[Processes] = ALONE,
        **arguments: Any,
    ) -> None:
        from gan_jax.data.memory import noting
        from gan_jax.evaluation.figures import check_measure
        from gan_jax.experiment import build
        from gan_jax.runs.freeze import frozen
        from gan_jax.runs.games import make_program
        from gan_jax.runs.ramp_up import without_ramp_up

        with or_leave(), contextlib.ExitStack() as until_its_end:
            with bad_input(file):
                keep(compiled)
                join(processes)
                with together():
                    folder = run_dir or runs.free_folder(file.stem)
                    if is_first():
                        runs.check_free(folder)
                    check_counts(arguments, run)
                    check_tracker(run.track)
                    with noting() as memory:
                        built = frozen(build(experiment, arguments, run.precision), run.freeze)
                    built = without_ramp_up(built, run.init_from)
                    init, update = make_program(built, run.parallel, run.num_seeds)
                    if run.evaluate_every:
                        check_measure(built, run.evaluate_num)
                check_alike(shared_settings("train", file, arguments, run, built.data))
                start = transfer.read(run, built)
                folder = Path(of_first(str(folder)))
                with together():
                    if is_first():
                        weights = start.sha256 if start else None
                        created = runs.create(folder, file, arguments, run, built.data.name, memory, weights)
                        say_found(created, built, start)
                        until_its_end.enter_context(held(created.folder))
                with together():
                    created = runs.open_shared(folder)
            play(created, built, update, transfer.first_state(init, built, run, start))

    return with_arguments_of(experiment, command, file=file, what="run")
