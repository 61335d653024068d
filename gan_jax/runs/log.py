"""The log of a run's metrics: RUN/metrics.jsonl, which a resumed run continues exactly, and TensorBoard events.

A metric is a number, or a list with one for each game of the run; values that aren't finite are null. The last step
of a run always has its lines. Where no line is due at that step, they say `"last": true` and are dropped when the run
goes on, so that metrics.jsonl is the same as that of an uninterrupted run.
"""

import json
import math
import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tensorboardX import SummaryWriter

from gan_jax.errors import UserError
from gan_jax.runs.folder import game_name
from gan_jax.storage.files import write_whole


class Log:
    """Writes a run's metrics from `first_step` on; drops later lines, which a crash left, and `last` ones."""

    def __init__(self, metrics: Path, events: Path, *, first_step: int, games: int = 1):
        keep_until(metrics, first_step)
        self.file = metrics.open("a", encoding="utf-8")
        folders = [events] if games == 1 else [events / game_name(number) for number in range(games)]
        self.events = [SummaryWriter(str(folder), purge_step=first_step + 1) for folder in folders]

    def __enter__(self) -> Self:
        """Closes the files at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Writes what is buffered, and closes."""
        self.file.close()
        for events in self.events:
            events.close()

    def sync(self) -> None:
        """Flushes the lines to the disk, so that no checkpoint outlives its metrics."""
        os.fsync(self.file.fileno())

    def write(self, step: int, metrics: dict[str, list[float | None]], *, last: bool = False) -> None:
        """Writes a line, and an event for each metric and game.

        Args:
          step: The updates done.
          metrics: A value for each game, by name.
          last: Whether the line is there only because the run ends.
        """
        each = {name: [value if value is not None and math.isfinite(value) else None for value in values]
                for name, values in metrics.items()}  # fmt: skip
        line = each if len(self.events) > 1 else {name: values[0] for name, values in each.items()}
        self.file.write(json.dumps({"step": step} | ({"last": True} if last else {}) | line) + "\n")
        self.file.flush()
        for name, values in each.items():
            for events, value in zip(self.events, values):
                if value is not None:
                    events.add_scalar(name, value, step)


def keep_until(metrics: Path, step: int) -> None:
    """Drops the lines after a step, those written only because the run ended, and one that was cut short."""
    if metrics.exists():
        write_whole(metrics, "".join(line for line in whole_lines(metrics) if stays(json.loads(line), step)))


def stays(line: dict[str, Any], step: int) -> bool:
    return line["step"] <= step and not line.get("last")


def check_metrics(metrics: Path) -> None:
    """Raises UserError if a line isn't one that `Log` writes; the last one may be cut short."""
    for number, line in enumerate(whole_lines(metrics) if metrics.exists() else [], 1):
        try:
            json.loads(line)["step"]
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{metrics}, line {number}, is broken: remove it, and resume again") from error


def whole_lines(metrics: Path) -> list[str]:
    text = metrics.read_text(encoding="utf-8", errors="replace")
    return [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
