"""The data of a run: where they lie, whether they are still the same, and what a run says of them."""

import dataclasses
import typing
from pathlib import Path

from gan_jax.data.source import Source
from gan_jax.errors import Missing, UserError
from gan_jax.experiment import Experiment, load
from gan_jax.runs.config import is_path
from gan_jax.runs.folder import Run


def moved(run: Run, data: Path | None) -> Run:
    """Returns the run with its data in another place; None: where they were.

    Raises:
      UserError: There is nothing in that place, or it isn't clear which argument of the experiment names it.
    """
    if data is None:
        return run
    hints = typing.get_type_hints(load(run.folder / "experiment.py"))
    names = [name for name in run.arguments if run.arguments[name] is not None and is_path(hints.get(name))]
    if len(names) != 1:
        some = f"{' and '.join(names)} do: change them" if names else "none of its arguments does: change experiment.py"
        raise UserError(
            f"--data {data}: one argument of {run.name} must name the place of its data; {some} in {run.folder}"
        )
    if not data.exists():
        raise Missing(f"--data {data}: no such file or folder")
    return dataclasses.replace(run, arguments=run.arguments | {names[0]: data})


def check_same_data(run: Run, experiment: Experiment) -> None:
    """Raises UserError if the data have changed since the run began, as when files were added to a folder."""
    now, found = experiment.data.name, experiment.data.found
    if run.data == now:
        return
    skipped = {one.what for one in found.skipped} if found else set()
    mended = [name for name in names_in(run.skipped) if name not in skipped]
    why = f" ({found.line()})" if found and (found.skipped or found.ignored) else ""
    advice = "put them back as they were"
    if mended:
        advice += (
            f", or start a new run; {mended[0]} was skipped when the run began: if it can be used now, move it away"
        )
    raise UserError(f"{run.folder}: its data were {run.data}, now they are {now}{why}: {advice}")


def names_in(skipped: Path) -> list[str]:
    """The files that a skipped.txt names, if there is one."""
    if not skipped.is_file():
        return []
    return [line.partition(": ")[0] for line in skipped.read_text(encoding="utf-8").splitlines()]


def describe(run: Run, source: Source) -> str:
    """Returns a line on the data and how many files were skipped, and writes the reasons into RUN/skipped.txt."""
    if source.found is None:
        size = "endless examples" if source.size is None else f"{source.size:,} examples"
        return f"{source.name}, {size}" + (f" in {source.classes} classes" if source.classes else "")
    lines = [f"{one.what}: {one.why}\n" for one in source.found.skipped]
    try:
        run.skipped.unlink(missing_ok=True)
        if lines:
            run.skipped.write_text("".join(lines), encoding="utf-8")
    except OSError:
        return source.found.line()
    return source.found.line(str(run.skipped))
