"""Says what was run on which card, how much of gan_jax has changed since, and what to run next.

python experiments/accelerator/status.py
"""

import json
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "experiments" / "results" / "accelerator"
SCRIPTS = ("correct", "speed", "train")  # in the order in which they are to be run


def main() -> None:
    for line in lines():
        print(line)


def lines() -> list[str]:
    """One for each script and card, the next script to run last."""
    told, oldest = [], {}
    for script in SCRIPTS:
        files = sorted(RESULTS.glob(f"{script}_*.json"))
        if not files:
            told.append(f"{script}.sh: not yet run")
            oldest[script] = ""
        for stamp in (json.loads(file.read_text(encoding="utf-8"))["stamp"] for file in files):
            told.append(f"{script}.sh: {stamp['card']}, {stamp['date'][:10]}, {stamp['commit'][:10]}; {changed(stamp)}")
            oldest[script] = max(oldest.get(script, ""), stamp["date"])
    return [*told, f"next: {min(SCRIPTS, key=oldest.__getitem__)}.sh"]


def changed(stamp: dict[str, Any]) -> str:
    """What git says of gan_jax's Python since then."""
    commit = stamp["commit"].removesuffix("+")
    command = ["git", "diff", "--shortstat", commit, "--", "gan_jax/*.py"]
    found = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if found.returncode:
        return "its commit isn't in this repository"
    return f"since then{found.stdout.rstrip()}" if found.stdout.strip() else "unchanged since"


if __name__ == "__main__":
    main()
