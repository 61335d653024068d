"""`gan-jax resume`: continue a run from its newest checkpoint."""

import contextlib
import json
from pathlib import Path

from tyro.conf import OmitArgPrefixes, Positional

from gan_jax.cli.compile_cache import BY_DEFAULT, Compiled, keep
from gan_jax.cli.play import play, say_found
from gan_jax.cli.terminal import bad_input, say
from gan_jax.cli.train import ALONE
from gan_jax.runs.options import Processes
from gan_jax.runs.trained import where_data_may_be_named


def resume(
    run: Positional[Path],
    steps: int | None = None,
    data: Path | None = None,
    compiled: OmitArgPrefixes[Compiled] = BY_DEFAULT,
    processes: OmitArgPrefixes[Processes] = ALONE,
) -> None:
    """Continue a run from its newest checkpoint, on as many devices and processes as there are now.

    Args:
      run: The run's folder.
      steps: Updates in all, including those already made; by default as many as before. A learning rate that depends on
        this number follows the new one.
      data: Where the run's data lie now, if they were moved.
      compiled: Where compiled programs are kept.
      processes: How this process finds others.
    """
    from gan_jax.runs import folder as runs, rollback, run_data, transfer
    from gan_jax.runs.checkpoint import restore, steps as steps_saved
    from gan_jax.runs.games import abstract_state, make_program, step_of
    from gan_jax.runs.lock import held
    from gan_jax.runs.log import check_metrics
    from gan_jax.runs.options import check_counts
    from gan_jax.runs.processes import check_alike, is_first, join, of_first, or_leave, shared_settings, together
    from gan_jax.runs.track import check_tracker

    with or_leave(), contextlib.ExitStack() as until_its_end:
        with bad_input(run / "experiment.py"):
            keep(compiled)
            join(processes)
            with together():
                opened = run_data.moved(runs.open_run(run), data)
                changed = {} if steps is None else {"steps": steps}
                check_counts(opened.arguments | changed, opened.options)
                check_tracker(opened.options.track)
                if is_first():
                    until_its_end.enter_context(held(opened.folder))
                    check_metrics(opened.metrics)
                with where_data_may_be_named(data):
                    built, games = opened.experiment(**changed), opened.options.num_seeds
                run_data.check_same_data(opened, built)
            given = opened.arguments | changed
            check_alike(shared_settings("resume", run / "experiment.py", given, opened.options, built.data))
            begun = opened.has_metrics or any(steps_saved(opened.checkpoints))  # step 0 may have been cut short
            begun, rollbacks = json.loads(of_first(json.dumps([begun, rollback.count(opened)])))
            with together():
                played = rollback.slowed(built, opened.options, rollbacks) if rollbacks else built
                init, update = make_program(played, opened.options.parallel, games)
            state = restore(opened.checkpoints, abstract_state(built, games)) if begun else None
            if state and (step := step_of(state)) >= built.steps:
                print(f"{run} is at step {step} already: --steps N with a larger N goes on")
                return
            start = None if begun else transfer.read(opened.options, built, opened.weights)
            state = state or transfer.first_state(init, built, opened.options, start)
            with together():
                if is_first():
                    if built.steps != (before := opened.arguments["steps"]):
                        say(f"{run}: its steps were {before:,} and are now {built.steps:,}")
                    runs.change_steps(opened, built.steps)
                    say_found(opened, built, start)
        play(opened, built, update, state, rollbacks)
