"""Where metrics go: RUN/metrics.jsonl, which a resumed run continues exactly, and TensorBoard events."""

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from tensorboardX import SummaryWriter


class Log:
    """Writes the metrics of a run from `first_step` on; lines of later steps, which a crash left, are dropped."""

    def __init__(self, metrics: Path, events: Path, *, first_step: int):
        keep_until(metrics, first_step)
        self.file = metrics.open("a", encoding="utf-8")
        self.events = SummaryWriter(str(events), purge_step=first_step + 1)

    def __enter__(self) -> Self:
        """Is closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Writes what is buffered."""
        self.file.close()
        self.events.close()

    def write(self, step: int, metrics: dict[str, float]) -> None:
        """One line, and one event a metric."""
        self.file.write(json.dumps({"step": step} | metrics) + "\n")
        self.file.flush()
        for name, value in metrics.items():
            self.events.add_scalar(name, value, step)


def keep_until(metrics: Path, step: int) -> None:
    """Drops the lines after a step, and a last line that was cut short."""
    if metrics.exists():
        whole = [line for line in metrics.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
        part = metrics.with_suffix(".part")
        part.write_text("".join(line for line in whole if json.loads(line)["step"] <= step), encoding="utf-8")
        part.replace(metrics)
