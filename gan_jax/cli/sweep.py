"""`gan-jax sweep`: runs of an experiment on a grid of its arguments, and their comparison."""

import dataclasses
import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from tyro.conf import OmitArgPrefixes, Positional, arg

from gan_jax.cli.arguments import with_arguments_of, with_several_values
from gan_jax.cli.compare import show
from gan_jax.cli.compile_cache import BY_DEFAULT, Compiled, keep
from gan_jax.cli.evaluate import evaluate
from gan_jax.cli.features import file_of, measure_of
from gan_jax.cli.platforms import leave_tpus_alone
from gan_jax.cli.resume import resume
from gan_jax.cli.terminal import DIVERGED, FAILED, SIGNAL, bad_input, fail, said, say
from gan_jax.errors import UserError

if TYPE_CHECKING:
    from gan_jax.data.memory import Note
    from gan_jax.experiment import Experiment
    from gan_jax.runs.options import Options
    from gan_jax.runs.sweep import Point
    from gan_jax.types import Protocol


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Options of the comparison at the end.

    Attributes:
      compare_num: Samples of each point; by default as many as is usual for the measure.
      compare_split: Real examples to compare with: train (as is usual), test, or another split of the data.
      features: digits, fashion, effnet, inception, or FILE.py:FUNCTION, as `gan-jax evaluate` takes it; by default
        those of the experiment's measure.
      weights: File of Inception's weights.
    """

    compare_num: int | None = None
    compare_split: str = "train"
    features: str | None = None
    weights: Path | None = None


AS_USUAL = Comparison()


def sweep(file: Positional[Path]) -> None:
    """Train and compare runs on a grid of arguments; `gan-jax sweep EXPERIMENT.py --help` shows them.

    Args:
      file: The experiment, such as experiments/wgan_gp_digits.py.
    """
    with bad_input():
        sweep_with_arguments_of(file)


def sweep_with_arguments_of(file: Path) -> Callable[..., None]:
    """Returns the `sweep` command, in which each argument of the experiment takes several values."""
    from gan_jax.experiment import load
    from gan_jax.runs.folder import create, free_folder
    from gan_jax.runs.options import Options
    from gan_jax.runs.sweep import points_of
    from gan_jax.runs.track import check_tracker

    leave_tpus_alone()  # a user's file may use JAX as it loads
    experiment, options = load(file), Options()
    of_values, lists = with_several_values(experiment)

    def command(
        file: Positional[Annotated[Path, arg(help="The experiment.")]],
        out: Annotated[
            Path | None,
            arg(help="The folder of all runs, or of an earlier sweep to go on with; by default a new one in runs/."),
        ] = None,
        *,
        run: OmitArgPrefixes[Options] = options,
        comparison: OmitArgPrefixes[Comparison] = AS_USUAL,
        compiled: OmitArgPrefixes[Compiled] = BY_DEFAULT,
        **arguments: Any,
    ) -> None:
        with bad_input(file, *file_of(comparison.features)):
            keep(compiled)
            check_tracker(run.track)
            folder = out or free_folder(f"{file.stem}_sweep")
            values = {name: (value,) if name in lists else value for name, value in arguments.items()}
            points = points_of(folder, file, values, run)
            checked = check(points, experiment, run, comparison, file)
            for point in points:
                if not point.is_run:
                    data, memory, _, weights = checked[point.name]
                    create(point.folder, file, point.arguments, run, data, memory, weights)
        say(f"{folder}: {len(points)} points")
        try:
            failed = play_all(points, checked, comparison, compiled)
        except (KeyboardInterrupt, SystemExit):
            say(f"the same command with --out {folder} goes on with the sweep")
            raise
        with bad_input():
            report(folder, points, checked)
        if failed:
            listed = ", ".join(
                f"{name} {'diverged' if code == DIVERGED else 'failed'}" for name, code in failed.items()
            )
            code = DIVERGED if set(failed.values()) == {DIVERGED} else FAILED
            fail(f"{listed}: {len(failed)} of {len(points)} points; the others are compared", code)

    return with_arguments_of(of_values, command, file=file, what="sweep")


class Checked(NamedTuple):
    """The result of checking a point.

    Attributes:
      data: The name of its data.
      memory: Notes on its data, for its folder.
      protocol: How it will be measured.
      weights: SHA-256 of the weights of --init-from.
    """

    data: str
    memory: "list[Note]"
    protocol: "Protocol"
    weights: str | None


def check(
    points: "list[Point]", experiment: "Callable[..., Experiment]", run: "Options", comparison: Comparison, file: Path
) -> dict[str, Checked]:
    """Builds every point's experiment, and measures real examples, so that errors surface before training starts.

    Raises:
      UserError: A point can't be trained or measured; the message names it.
    """
    from gan_jax.data.memory import noting
    from gan_jax.evaluation.figures import check_measure
    from gan_jax.experiment import build
    from gan_jax.runs import transfer
    from gan_jax.runs.games import make_program
    from gan_jax.runs.options import check_counts
    from gan_jax.runs.sweep import protocol_of

    checked: dict[str, Checked] = {}
    for point in points:
        try:
            check_counts(point.arguments, run)
            with noting() as memory:
                built = build(experiment, point.arguments, run.precision)
            make_program(built, run.parallel, run.num_seeds)
            start = None if point.is_run else transfer.read(run, built)
            measure = measure_of(built, comparison.features, comparison.weights)
            num = measure.num if comparison.compare_num is None else comparison.compare_num
            protocol = protocol_of(built, measure, num, comparison.compare_split)
            if protocol not in [one.protocol for one in checked.values()]:
                check_measure(dataclasses.replace(built, measure=measure), min(num, run.evaluate_num))
            if run.evaluate_every and built.measure is None:
                check_measure(built, run.evaluate_num)
            checked[point.name] = Checked(built.data.name, memory, protocol, start.sha256 if start else None)
        except Exception as error:
            raise UserError(f"{point.name}: {said(error, file)}") from error
    return checked


def play_all(
    points: "list[Point]", checked: dict[str, Checked], comparison: Comparison, compiled: Compiled
) -> dict[str, int]:
    """Trains and evaluates the points, one after the other, as far as that wasn't done before.

    Returns:
      The exit codes of the points that didn't come to their end.

    Raises:
      SystemExit: A signal ended a run.
    """
    import jax

    failed = {}
    for number, point in enumerate(points, 1):
        before = " was trained already" if point.is_trained else ""
        say(f"point {number} of {len(points)}: {point.name}{before}")
        try:
            finish(point, checked[point.name].protocol, comparison, compiled)
        except BrokenPipeError:
            raise
        except SystemExit as error:
            if not isinstance(error.code, int) or error.code > SIGNAL:
                raise
            failed[point.name] = error.code
        except Exception as error:  # such as of memory: other points may do with less
            if "GAN_JAX_TRACEBACK" in os.environ:
                raise
            say(said(error))
            failed[point.name] = FAILED
        gc.collect()
        jax.clear_caches()  # a point's programs are of no use to others
    return failed


def finish(point: "Point", protocol: "Protocol", comparison: Comparison, compiled: Compiled) -> None:
    """Trains a point to its end, as `gan-jax resume`, and measures it, as `gan-jax evaluate`."""
    if not point.is_trained:
        resume(point.folder, compiled=compiled)
    if point.result(protocol) is None:
        evaluate(
            point.folder,
            num=comparison.compare_num,
            split=comparison.compare_split,
            features=comparison.features,
            weights=comparison.weights,
            compiled=compiled,
        )


def report(folder: Path, points: "list[Point]", checked: dict[str, Checked]) -> None:
    """Prints the table of the points that were measured, and draws their figures and samples."""
    from gan_jax.evaluation.report import figures_of
    from gan_jax.evaluation.sweep_pictures import axis_of, draw_curves, draw_samples
    from gan_jax.runs.folder import open_run
    from gan_jax.runs.sweep import by_protocol

    done = [point for point in points if point.is_trained]
    results = {point.name: point.result(checked[point.name].protocol) for point in done}
    groups = by_protocol({name: result for name, result in results.items() if result})
    for number, group in enumerate(groups, 1):
        suffix = "" if number == 1 else f"_{number}"
        show([group], folder / f"compare{suffix}.png")
        varied = {point.name: point.varied for point in done if point.name in group}
        if figures_of(group) and (x := axis_of(varied)):
            draw_curves(group, varied, x, curves := folder / f"curves{suffix}.png")
            print(f"{curves}: the figures against {x}")
    pictures = {point.name: open_run(point.folder).picture(point.arguments["steps"]) for point in done}
    if found := {name: picture for name, picture in pictures.items() if picture.is_file()}:
        draw_samples(found, folder / "samples.png")
        print(f"{folder / 'samples.png'}: samples of each point's first game")
