"""Makes docs/accelerator.md from the results of the scripts in experiments/accelerator."""

import json
from pathlib import Path
from typing import Any

from tables import markdown, number, stamp

HOME = Path(__file__).parent / "accelerator"
PICTURES = "../experiments/results/accelerator"  # as the page links them
SCRIPTS = ("correct", "speed", "train")
PEERS = {"plain Linen": "Linen", "PyTorch eager": "PyTorch eager", "PyTorch compiled": "PyTorch compiled"}
FIGURES = {"frechet_distance": "Fréchet ↓", "kernel_distance": "KD ↓", "precision": "precision ↑", "recall": "recall ↑"}

Result = dict[str, Any]
Row = dict[str, Any]


def page() -> str:
    """Returns the whole page."""
    parts = [INTRODUCTION, status()]
    for script, title, text, tables in (
        ("correct", "Correctness", CORRECT, correct),
        ("speed", "Speed", SPEED, speed),
        ("train", "Training", TRAIN, train),
    ):
        parts += [f"## {title}", text]
        for result in results(script):
            parts += [origin(result["stamp"]), *tables(result)]
    return "\n\n".join(parts) + "\n"


INTRODUCTION = """# On an accelerator

*Written by `python experiments/results/draw.py` from the JSON files in `experiments/results/accelerator/`, which the
scripts in [experiments/accelerator](accelerator_scripts.md) write on a card. CI runs these scripts at toy size on a
CPU; what they do on a card is known only where the table names one.*"""

CORRECT = """`correct.sh` runs the tests that make sense on one card. The package's own tests run in float32 at the
highest precision. Others compare the card with float64 on the CPU in three precisions: float32 at the highest, float32
by default (TF32) and bfloat16. Tests that need a CPU or several devices are left out and listed. Seconds are summed
over processes."""

SPEED = """`speed.sh` times one iteration: ours, plain Linen and PyTorch take turns in one process. A ratio below 1
means that ours is faster. *Share* is our rate of arithmetic relative to the card's rate for large matrix products of
the same precision, timed in the same run; *MiB* is the memory of our program according to XLA. "loop, quiet" is the
training loop between checkpoints; "loop, interval" has a checkpoint and a picture every 200 steps. The aim is at most
0.9 of the time of PyTorch compiled, and a quiet loop within 3 % of the bare update."""

TRAIN = """`train.sh` trains with the papers' settings for a minute or more, then evaluates. These are beginnings, not
results. *Minutes for all* is how long the paper's updates would take at that rate; the aim is 10 for SNGAN's 50,000."""


def results(script: str) -> list[Result]:
    """Returns the results of each card, in the order of their names.

    Raises:
      ValueError: One is from a rehearsal.
    """
    found = []
    for file in sorted(HOME.glob(f"{script}_*.json")):
        result = json.loads(file.read_text(encoding="utf-8"))
        if result["stamp"]["rehearsal"]:
            raise ValueError(f"{file} is of a rehearsal, whose figures mean nothing: delete it")
        found.append(result)
    return found


def status() -> str:
    """Returns the table of runs, a row for each script and card."""
    rows = [["script", "run on", "driver", "date", "commit"]]
    for script in SCRIPTS:
        found = results(script)
        rows += [[f"`{script}.sh`", r["stamp"]["card"], r["stamp"]["driver"], *when(newest(r))] for r in found]
        if not found:
            rows.append([f"`{script}.sh`", "not yet run", "", "", ""])
    return markdown(rows)


def newest(result: Result) -> Row:
    """Returns the newest row of a result, or its stamp if it has no rows."""
    return max(result.get("rows", []), key=lambda row: row["date"], default=result["stamp"])


def when(row: Row) -> list[str]:
    return [row["date"][:10], row["commit"][:10]]


def origin(made: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    return f"{made['card']}, {made['memory']}, driver {made['driver']}; Python {made['python']}, {versions}."


def correct(result: Result) -> list[str]:
    """Returns a row for each group of tests; then the failures, and the tests that are left out by name."""
    rows = [["tests", "passed", "failed", "left out", "not reached", "seconds"]]
    failed: list[str] = []
    left_out: dict[str, list[str]] = {}
    for group, found in result["groups"].items():
        counts = [str(len(found[name])) for name in ("failed", "skipped", "not_reached")]
        rows.append([group, str(found["passed"]), *counts, number(found["seconds"])])
        failed += [f"- Failed: `{test}`: {why['error']}" for test, why in found["failed"].items()]
        for test, why in found["skipped"].items():
            left_out.setdefault(why, []).append(f"`{test.removeprefix('tests/')}`")
    named = [f"- Left out, since {why}: {', '.join(tests)}" for why, tests in left_out.items()]
    return [markdown(rows), *(["\n".join(failed + named)] if failed or named else [])]


def speed(result: Result) -> list[str]:
    """Returns a row for each case; then the training loops, the failures, and the cases that weren't reached."""
    of_peers = [f"ours / {name}" for name in PEERS.values()]
    rows = [["case", "ms", *of_peers, "examples a second", "MiB", "share", "date", "commit"]]
    loops = [["training loop", "ms a step", "it / bare update", "date", "commit"]]
    for case, found in by_case(result["rows"]).items():
        if "gan_jax" in found:
            ours = found["gan_jax"]
            ratios = [cell(found.get(peer, {}), "ours / it") for peer in PEERS]
            of_ours = [cell(ours, name) for name in ("examples a second", "memory_mib", "matrix_share")]
            rows.append([case, cell(ours, "ms"), *ratios, *of_ours, *when(ours)])
        else:
            for name, row in found.items():
                loops.append([f"{case}: {name}", cell(row, "ms"), cell(row, "it / bare update"), *when(row)])
    errors: dict[str, list[str]] = {}
    for row in result["rows"]:
        if error := row["error"] or row.get("failed_since", {}).get("error"):
            errors.setdefault(f"{row['contender']}: {error}", []).append(row["case"])
    lines = [f"- Failed: {error} ({'; '.join(cases)})" for error, cases in errors.items()]
    lines += [f"- Not reached: {case}" for case in result["not_reached"]]
    return [markdown(table) for table in (rows, loops) if table[1:]] + (["\n".join(lines)] if lines else [])


def by_case(rows: list[Row]) -> dict[str, dict[str, Row]]:
    """Case -> contender -> row."""
    found: dict[str, dict[str, Row]] = {}
    for row in rows:
        found.setdefault(row["case"], {})[row["contender"]] = row
    return found


def cell(row: Row, name: str) -> str:
    """Formats a figure, or says that it failed."""
    value = row.get(name)
    return ("failed" if row.get("error") else "") if value is None else number(value)


def train(result: Result) -> list[str]:
    """Returns a row for each run and one for real data; then the failures and each run's samples."""
    rows = [["run", "updates", "of", "a second", "minutes for all", *FIGURES.values(), "date", "commit"]]
    floors: dict[str, list[str]] = {}
    lines, pictures = [], []
    for row in result["rows"]:
        figures, updates, rate = [""] * len(FIGURES), row["updates"], row["updates_a_second"]
        for measured in row["results"]:
            figures = cells({name: median for name, (_, median, _) in measured["quartiles"].items()})
            updates, floor = measured["made"]["step"], measured["floor"]
            real = ["", *cells(floor["figures"])] if floor else []
            name = f"*real: {floor['examples']:,} of {floor['data']}*" if floor else ""
            floors[stamp(measured["protocol"])] = [name, "", "", "", *real]
        pace = ["", ""] if rate is None else [number(rate), number(row["of"] / rate / 60)]
        rows.append([row["name"], f"{updates:,}", f"{row['of']:,}" if row["of"] else "", *pace, *figures, *when(row)])
        lines += [f"- {row['name']}: {why}" for why in (row["error"], row["unmeasured"]) if why]
        pictures += [f"![Samples of {row['name']}]({PICTURES}/{row['picture']})"] if row["picture"] else []
    rows += [real for real in floors.values() if real[0]]
    return [markdown(rows), *(["\n".join(lines)] if lines else []), *floors, *pictures]


def cells(figures: dict[str, float]) -> list[str]:
    """Returns the cells of FIGURES."""
    return [number(figures[name]) if name in figures else "" for name in FIGURES]
