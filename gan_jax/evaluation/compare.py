"""Which results may stand side by side: those that share one protocol."""

from pathlib import Path
from typing import Any

from gan_jax.errors import UserError
from gan_jax.evaluation.result_file import load

Results = dict[str, dict[str, Any]]  # by the run's name, in the order given


def comparable(files: dict[str, Path]) -> list[Results]:
    """Groups results by protocol.

    Args:
      files: The result files by the names of their runs.

    Returns:
      The results of all files for each protocol that all files have.

    Raises:
      UserError: No protocol is common to all; the message says what differs.
      Missing: A run wasn't evaluated.
    """
    loaded = {name: load(file) for name, file in files.items()}
    first, *others = loaded
    groups = [
        {name: one for name, results in loaded.items() for one in results if one["protocol"] == mine["protocol"]}
        for mine in loaded[first]
    ]
    common = [group for group in groups if len(group) == len(files)]
    if not common:
        for name in others:
            if parts := differences(loaded[first], loaded[name]):
                raise UserError(
                    f"{first} and {name} were measured by different protocols ({parts}): evaluate them in the same way"
                )
        raise UserError(f"no protocol is common to {', '.join(files)}: evaluate them in the same way")
    return common


def differences(mine: list[dict[str, Any]], others: list[dict[str, Any]]) -> str:
    """Returns the parts in which the two most similar protocols differ."""

    def unlike(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
        return [
            f"{part} {short(a.get(part))} / {short(b.get(part))}" for part in {**a, **b} if a.get(part) != b.get(part)
        ]

    pairs = [unlike(a["protocol"], b["protocol"]) for a in mine for b in others]
    if not pairs:
        return "one of them has no results"
    fewest = min(pairs, key=len)
    return "; ".join(fewest)


def short(value: Any) -> str:
    """Shortens a hash to its first eight digits."""
    return value[:8] if isinstance(value, str) and len(value) == 64 and " " not in value else str(value)
