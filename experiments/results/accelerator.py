"""docs/accelerator.md, from what the scripts of experiments/accelerator brought home."""

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


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION, status()]
    for script, title, text, tables in (
        ("correct", "Is it right", CORRECT, correct),
        ("speed", "How fast is it", SPEED, speed),
        ("train", "What it reaches", TRAIN, train),
    ):
        parts += [f"## {title}", text]
        for result in results(script):
            parts += [origin(result["stamp"]), *tables(result)]
    return "\n\n".join(parts) + "\n"


INTRODUCTION = """# On an accelerator

*Written by `python experiments/results/draw.py` from the JSON files in `experiments/results/accelerator/`, which the
scripts of [experiments/accelerator](../experiments/accelerator/README.md) make on a card. A script that isn't yet run
there has been rehearsed on a CPU.*"""

CORRECT = """`correct.sh` runs the tests that make sense on one card: the package's own in float32 of the highest
precision, and comparisons with float64 on the CPU in that, in float32 as it comes (TF32), and in bfloat16. What assumes
a CPU or several devices is left out by name."""

SPEED = """`speed.sh` times an iteration: ours beside plain Linen and PyTorch, alternating in one process. A ratio below
1 is in our favour. The share is of the card's rate for large matrix products of the same precision, measured beside.
The aims are 0.9 of PyTorch compiled at most, and a training loop within 3 % of the bare update."""

TRAIN = """`train.sh` trains by the papers' settings for a minute or more and evaluates what came of it: beginnings, not
results. "Minutes for all" is what the paper's number of updates would take at that rate; for SNGAN's 50,000 the aim is
10."""


def results(script: str) -> list[Result]:
    """Of each card, in order of their names.

    Raises:
      ValueError: one is of a rehearsal.
    """
    found = []
    for file in sorted(HOME.glob(f"{script}_*.json")):
        result = json.loads(file.read_text(encoding="utf-8"))
        if result["stamp"]["rehearsal"]:
            raise ValueError(f"{file} is of a rehearsal, whose figures mean nothing: delete it")
        found.append(result)
    return found


def status() -> str:
    """The table of what was run, a row for each script and card."""
    rows = [["script", "run on", "driver", "date", "commit"]]
    for script in SCRIPTS:
        stamps = [result["stamp"] for result in results(script)]
        rows += [[f"`{script}.sh`", s["card"], s["driver"], s["date"][:10], s["commit"][:10]] for s in stamps]
        if not stamps:
            rows.append([f"`{script}.sh`", "not yet run", "", "", ""])
    return markdown(rows)


def origin(made: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    return f"{made['card']}, {made['memory']}, driver {made['driver']}; Python {made['python']}, {versions}."


def correct(result: Result) -> list[str]:
    """A row a group of tests; then what failed, and what is left out by name."""
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
    """A row a case; then the training loops."""
    rows = [["case", "ms", *(f"ours / {name}" for name in PEERS.values()), "examples a second", "MiB", "share"]]
    loops = [["training loop", "ms a step", "it / bare update"]]
    for case, found in by_case(result["rows"]).items():
        ours = found.get("gan_jax")
        if ours is None:
            loops += [
                [f"{case}: {name}", cell(row, "ms"), cell(row, "it / bare update")] for name, row in found.items()
            ]
            continue
        ratios = [cell(found.get(peer, {}), "ours / it") for peer in PEERS]
        of_ours = [cell(ours, name) for name in ("examples a second", "memory_mib", "matrix_share")]
        rows.append([case, cell(ours, "ms"), *ratios, *of_ours])
    left = result["not_reached"]
    return [markdown(table) for table in (rows, loops) if table[1:]] + (
        [f"Not reached: {'; '.join(left)}."] if left else []
    )


def by_case(rows: list[dict[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """Case -> contender -> row."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["case"], {})[row["contender"]] = row
    return found


def cell(row: dict[str, Any], name: str) -> str:
    """A figure; what went wrong where there is none."""
    value = row.get(name)
    return (row.get("error") or "") if value is None else number(value)


def train(result: Result) -> list[str]:
    """A row a run, the real data's, and each run's samples."""
    rows = [["run", "updates", "seconds", "a second", "minutes for all", *FIGURES.values()]]
    floors = {}
    for row in result["rows"]:
        if row["error"]:
            rows.append([row["name"], row["error"]])
            continue
        rate, (measured,) = row["updates_a_second"], row["results"]
        pace = ["", ""] if rate is None else [number(rate), number(row["of"] / rate / 60)]
        figures = [number(measured["quartiles"][name][1]) for name in FIGURES]
        rows.append([row["name"], f"{row['updates']:,} of {row['of']:,}", number(row["seconds"]), *pace, *figures])
        floors[stamp(measured["protocol"])] = measured["floor"]
    for floor in floors.values():
        real = [number(floor["figures"][name]) for name in FIGURES]
        rows.append([f"*real: {floor['examples']:,} of {floor['data']}*", "", "", "", "", *real])
    pictures = [f"![Samples of {row['name']}]({PICTURES}/{row['picture']})" for row in result["rows"] if row["results"]]
    return [markdown(rows), *floors, *pictures]
