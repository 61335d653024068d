"""What the folder of a run tells: its settings, metrics, figures, warnings and time.

A run may still be training, so the last line of a file may be cut short. Lines that can't be read are counted.
"""

import itertools
import json
import math
import struct
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_jax.errors import UserError
from gan_jax.evaluation import result_file
from gan_jax.runs.checkpoint import steps as steps_saved
from gan_jax.runs.folder import Run, game_name, open_run
from gan_jax.runs.watch import Metrics, Watch
from gan_jax.storage.files import read_json

LARGEST_STEP = 2**53  # as a float holds it
HEADER, FOOTER = 12, 4  # bytes around each record of a TensorBoard file: its length and two checksums


class Logged(NamedTuple):
    """A metric of a run.

    Attributes:
      steps: The steps at which it was logged [T].
      values: Its value in each game [T, S]; NaN in a game that has diverged.
    """

    steps: NDArray[np.int64]
    values: NDArray[np.float64]


class Told(NamedTuple):
    """Something that happened in a run.

    Attributes:
      step: After this update.
      what: A sentence.
    """

    step: int
    what: str


class Record(NamedTuple):
    """Everything that a report says of a run, but for its samples.

    Attributes:
      name: Tells the run from others on the page.
      run: The run.
      versions: Of the packages that it was trained with.
      step: The updates done.
      seconds: The time that it trained; None if that is unknown.
      metrics: By name, in the order in which they first came.
      warnings: The signs of trouble in the metrics.
      rollbacks: The steps to which it went back, and why.
      skipped: The files of its data that couldn't be used, with reasons.
      results: Those of `gan-jax evaluate`.
      unread: What couldn't be read, a sentence each, and how often.
    """

    name: str
    run: Run
    versions: dict[str, Any]
    step: int
    seconds: float | None
    metrics: dict[str, Logged]
    warnings: list[Told]
    rollbacks: list[Told]
    skipped: list[str]
    results: list[dict[str, Any]]
    unread: Counter[str]


def read_runs(folders: list[Path]) -> list[Record]:
    """Reads runs; raises UserError if a folder isn't one."""
    runs = [open_run(folder) for folder in folders]
    return [read_run(run, name) for run, name in zip(runs, names_of(folders))]


def names_of(folders: list[Path]) -> list[str]:
    """Returns the shortest ends of the folders' paths that differ."""
    paths = [folder.resolve().parts for folder in folders]
    for length in itertools.count(1):
        names = ["/".join(path[-length:]) for path in paths]
        if len(set(names)) == len(names) or length > max(map(len, paths)):
            break
    return names


def read_run(run: Run, name: str) -> Record:
    """Reads a run."""
    unread: Counter[str] = Counter()
    metrics, warnings = read_metrics(run, unread)
    steps = [int(logged.steps[-1]) for logged in metrics.values()] + steps_saved(run.checkpoints)
    versions = read_json(run.config).get("versions")
    return Record(
        name=name,
        run=run,
        versions=versions if isinstance(versions, dict) else {},
        step=max(steps, default=0),
        seconds=seconds_of(run),
        metrics=metrics,
        warnings=warnings,
        rollbacks=read_rollbacks(run, unread),
        skipped=run.skipped.read_text(encoding="utf-8", errors="replace").splitlines() if run.skipped.is_file() else [],
        results=read_results(run, unread),
        unread=unread,
    )


def read_metrics(run: Run, unread: Counter[str]) -> tuple[dict[str, Logged], list[Told]]:
    """Returns a run's metrics, and the warnings that they gave."""
    watch, warnings = Watch(), []
    columns: dict[str, tuple[array[int], array[float]]] = {}
    for line in whole_lines(run.metrics, unread):
        try:
            step, metrics = step_of(line), values_of(line, run.options.num_seeds)
            warnings += [Told(step, sign) for sign in watch.look(metrics)]
        except (KeyError, TypeError, ValueError, OverflowError):
            unread.update([f"{run.metrics.name} has a line that no run writes"])
            continue
        for name, values in metrics.items():
            steps, flat = columns.setdefault(name, (array("q"), array("d")))
            steps.append(step)
            flat.extend(math.nan if value is None else value for value in values)
    logged = {
        name: Logged(np.array(steps), np.array(flat).reshape(len(steps), -1)) for name, (steps, flat) in columns.items()
    }
    return logged, warnings


def step_of(line: dict[str, Any]) -> int:
    """Returns the step of a line; raises ValueError if no run gets there."""
    step = int(line["step"])
    if not 0 <= step < LARGEST_STEP:
        raise ValueError
    return step


def values_of(line: dict[str, Any], games: int) -> Metrics:
    """Returns the metrics of a line, with a value for each game.

    Raises:
      ValueError: One has values for another number of games.
      TypeError: One isn't a number.
    """
    metrics = {
        name: value if isinstance(value, list) else [value]
        for name, value in line.items()
        if name not in ("step", "last")
    }
    if any(len(values) != games for values in metrics.values()):
        raise ValueError
    return {name: [None if value is None else float(value) for value in values] for name, values in metrics.items()}


def whole_lines(file: Path, unread: Counter[str]) -> Iterator[dict[str, Any]]:
    """Yields the JSON object in each line; a line without an end is being written."""
    if not file.is_file():
        return
    with file.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if not line.endswith("\n"):
                return
            try:
                yield dict(json.loads(line))
            except (ValueError, TypeError, RecursionError):
                unread.update([f"{file.name} has a line that isn't JSON"])


def read_rollbacks(run: Run, unread: Counter[str]) -> list[Told]:
    return [
        Told(line["to"], str(line.get("why")))
        for line in whole_lines(run.rollbacks, unread)
        if isinstance(line.get("to"), int)
    ]


def read_results(run: Run, unread: Counter[str]) -> list[dict[str, Any]]:
    if not run.result.exists():
        return []
    try:
        return result_file.load(run.result)
    except UserError as error:
        unread.update([str(error)])
        return []


def seconds_of(run: Run) -> float | None:
    """Returns the seconds that a run trained, by its TensorBoard files: each is of one start."""
    events = run.folder / "tensorboard"
    folder = events if run.options.num_seeds == 1 else events / game_name(0)
    times = [times_of(file) for file in sorted(folder.glob("events.*"))]
    return sum(last - first for first, last in times if last > first) if times else None


def times_of(file: Path) -> tuple[float, float]:
    """Returns the time of the first and of the last whole record of a TensorBoard file, in seconds of Unix time.

    A record is its length, a checksum, an event and another checksum; an event begins with its time (tag 0x09).
    """
    content, times, at = file.read_bytes(), (0.0, 0.0), 0
    while at + HEADER + 9 <= len(content):
        (length,) = struct.unpack_from("<Q", content, at)
        tag, time = struct.unpack_from("<Bd", content, at + HEADER)
        if tag == 0x09 and at + HEADER + length + FOOTER <= len(content):
            times = times[0] or time, time
        at += HEADER + length + FOOTER
    return times


def pictures_of(run: Run) -> list[list[tuple[int, Path]]]:
    """Returns the pictures of each game's samples, with their steps in order."""
    folders = [run.picture(0, game).parent for game in range(run.options.num_seeds)]
    numbered = [[(path.stem.removeprefix("step_"), path) for path in folder.glob("step_*.png")] for folder in folders]
    return [sorted((int(number), path) for number, path in game if number.isdigit()) for game in numbered]
