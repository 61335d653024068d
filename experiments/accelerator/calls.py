"""Which of speed.py's cases are due, kept and failed, over several calls that each have little time."""

import importlib.util
import time
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

Row = dict[str, Any]  # figures of one contender in one case
Measure = Callable[[], list[Row]]

OURS, LINEN = "gan_jax", "plain Linen"
EAGER, COMPILED = "PyTorch eager", "PyTorch compiled"
PEERS = (LINEN, EAGER, COMPILED)


class Group(NamedTuple):
    """Parts that are prepared together: ready(parts) returns a function for each that measures it."""

    parts: Sequence[Any]  # each has a name
    ready: Callable[[Sequence[Any]], list[Measure]]


def due(groups: Sequence[Group], rows: Iterable[Row], commit: str) -> list[Group]:
    """Returns the parts without rows, then those with a failed contender or of another commit, oldest first."""
    tried: dict[str, str] = {}  # case -> date
    stale = set()
    for row in rows:
        case, date = row["case"], row.get("failed_since", row)["date"]
        tried[case] = max(date, tried.get(case, date))
        if row["error"] or row["commit"].removesuffix("+") != commit.removesuffix("+"):
            stale.add(case)

    def of(names: Container[str]) -> list[Group]:
        narrowed = [group._replace(parts=[part for part in group.parts if part.name in names]) for group in groups]
        return [group for group in narrowed if group.parts]

    new = {part.name for group in groups for part in group.parts} - tried.keys()
    dates = sorted({tried[case] for case in stale})
    return of(new) + [group for date in dates for group in of({case for case in stale if tried[case] == date})]


def replace(rows: Iterable[Row], new: Sequence[Row]) -> list[Row]:
    """Replaces a case's earlier rows by new ones. A figure outlives a later failure, which is noted beside it.

    The peers' figures also stay if ours fails, since their ratios are to ours in the same race.
    """
    case = new[0]["case"]
    rows = list(rows)
    figures = {row["contender"]: row for row in rows if row["case"] == case and not row["error"]}

    ours = next((row["error"] for row in new if row["contender"] == OURS and OURS in figures), None)

    def better(row: Row) -> Row:
        error = row["error"] or (ours and f"{OURS}: {ours}")
        if not error or row["contender"] not in figures:
            return row
        return figures[row["contender"]] | {
            "failed_since": {"error": error, "commit": row["commit"], "date": row["date"]}
        }

    return [row for row in rows if row["case"] != case] + [better(row) for row in new]


def failures(rows: Sequence[Row], rehearse: bool) -> list[str]:
    """Returns the failures that count for the exit code: a peer's on a card and a missing PyTorch's don't."""
    cells = PEERS if not rehearse else () if importlib.util.find_spec("torch") else (EAGER, COMPILED)
    shares = {f"{row['case']}: matrix_share: {row['share_error']}" for row in rows if row.get("share_error")}
    contenders = [(row["case"], row["contender"], row["error"]) for row in rows if row["contender"] not in cells]
    return [": ".join(parts) for parts in contenders if parts[-1]] + (sorted(shares) if rehearse else [])


def within(
    deadline: float, groups: Iterable[Group], clock: Callable[[], float] = time.monotonic
) -> Iterator[list[Row]]:
    """Yields the rows of each part, while the next, if it takes as long as the longest so far, will end in time."""
    getting_ready = measuring = 0.0
    for group in groups:
        start = clock()
        if start + getting_ready + measuring > deadline:
            return
        measures = group.ready(group.parts)
        getting_ready = max(getting_ready, clock() - start)
        for measure in measures:
            start = clock()
            if start + measuring > deadline:
                return
            yield measure()
            measuring = max(measuring, clock() - start)
