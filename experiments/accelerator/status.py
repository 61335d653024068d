"""Prints which scripts were run on which card, how much of the code has changed since, and what to run next.

python experiments/accelerator/status.py
"""

import json
from typing import Any

from stamp import CODE, ROOT, output_of

RESULTS = ROOT / "experiments" / "results" / "accelerator"
SCRIPTS = ("correct", "speed", "train")  # in the order in which they are to be run


def main() -> None:
    for line in lines():
        print(line)


def lines() -> list[str]:
    """One for each script and card; last the script to run next: one that has most left, or is the oldest."""
    lines, due = [], dict.fromkeys(SCRIPTS, ("", ""))
    for script in SCRIPTS:
        results = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(RESULTS.glob(f"{script}_*.json"))]
        results = [result for result in results if not result["stamp"]["rehearsal"]]
        if not results:
            lines.append(f"{script}.sh: not yet run")
        for stamp, open_ones in ((result["stamp"], left(result)) for result in results):
            what = f"; {', '.join(open_ones)}" if open_ones else ""
            lines.append(
                f"{script}.sh: {stamp['card']}, {stamp['date'][:10]}, {stamp['commit'][:10]}; {changed(stamp)}{what}"
            )
            due[script] = max(due[script], ("some" if open_ones else "whole", stamp["date"]))
    return [*lines, f"next: {min(SCRIPTS, key=due.__getitem__)}.sh"]


def left(result: dict[str, Any]) -> list[str]:
    """What a result lacks, as "3 failed"."""
    groups = result.get("groups", {}).values()
    failed = sum(len(group["failed"]) for group in groups)
    failed += sum(bool(row["error"] or row.get("unmeasured")) for row in result.get("rows", []))
    not_reached = sum(len(group["not_reached"]) for group in groups) + len(result.get("not_reached", []))
    return [f"{count} {name}" for count, name in ((failed, "failed"), (not_reached, "not reached")) if count]


def changed(stamp: dict[str, Any]) -> str:
    """What git says of the code since then."""
    command = ("git", "diff", "--shortstat", stamp["commit"].removesuffix("+"), "--", *CODE)
    found = output_of(*command)
    if found is None:
        return "its commit isn't in this repository"
    return f"since then {found}" if found else "unchanged since"


if __name__ == "__main__":
    main()
