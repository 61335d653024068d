"""Trains and evaluates the runs of the results, and keeps each as a JSON file and a picture beside this script.

python experiments/results/measure.py points [--only gaussians25_wgan_gp]
python experiments/results/draw.py            # the tables and figures of docs/results.md

A result holds the commands, the commit, the training time, and the figures of `gan-jax evaluate`. An existing result
isn't measured again unless its file is deleted. If objectives share a budget of time, the budget is in updates of the
first, and budget.json (experiments/benchmarks/budget.py) has the cost of the others' updates in this unit.
"""

import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Literal, NamedTuple

import tyro

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


class Plan(NamedTuple):
    train: str  # arguments of gan-jax train
    evaluations: tuple[str, ...] = ("",)  # arguments of gan-jax evaluate, one a protocol
    samples: int = 64
    cost: float | None = None  # of an update, in updates of the group's first objective; None: no budget is shared


POINTS = ("gaussians8", "gaussians25", "swiss_roll")
IMAGES = ("digits", "fashion_mnist")
STACKED = ("non_saturating", "packed", "wgan_gp", "relativistic")
OBJECTIVES = ("minimax", "non_saturating", "wgan", "wgan_gp", "sn_hinge", "r1", "relativistic")
AUGMENTED, PROBABILITIES = ("furniture", "drums", "emoji"), ("0", "0.3")
BUDGET = {"images": 4200, "stacked": 3000}  # updates of the first objective
CHANGES = ("status", "--porcelain", "-uno", "gan_jax", "experiments", ":!experiments/results")
QUIET = "--sample-every 1000000 --save-every 1000000 --log-every 100"


def costs(experiment: str) -> dict[str, float]:
    """Returns the cost of an update of each objective, in updates of the first."""
    table = json.loads((HERE / "budget.json").read_text(encoding="utf-8"))["table"]
    return {row["objective"]: row["it / the first"] for row in table if row["experiment"] == experiment}


PLANS = {
    "points": {
        f"{data}_{objective}": Plan(
            f"experiments/objectives_points.py --data {data} --objective {objective} --num-seeds 8 {QUIET}",
            samples=2500,
        )
        for data in POINTS
        for objective in OBJECTIVES
    }
    | {
        "gaussians25_wgan_gp_paper": Plan(
            f"experiments/wgan_gp_points.py --steps 6000 --num-seeds 3 {QUIET}", samples=2500
        )
    },
    "images": {
        f"{data}_{objective}": Plan(
            f"experiments/objectives_digits.py --data {data} --objective {objective} --num-seeds 3 {QUIET}",
            evaluations=("", "--features effnet --num 1000 --num-real 1000"),
            cost=cost,
        )
        for data in IMAGES
        for objective, cost in costs("objectives_digits").items()
    },
    "augmentation": {
        f"{data}_{p}": Plan(
            f"experiments/{train} {p} --num-seeds {seeds} {QUIET}", evaluations=(f"--split test {options}".strip(),)
        )
        for data, seeds, train, options in (
            ("furniture", 3, "gan3d_furniture.py --steps 800 --turns", ""),
            ("drums", 3, "wavegan_drums.py --steps 400 --augmentation", ""),
            (
                "emoji",
                1,
                "relativistic_images.py --folder emoji/train --test-folder emoji/test --steps 28000 --augmentation",
                "--features effnet --num 1000 --num-real 1000",
            ),
        )
        for p in PROBABILITIES
    },
    "stacked": {
        f"digits_{objective}": Plan(
            f"experiments/objectives_stacked.py --objective {objective} --num-seeds 2 {QUIET}", cost=cost
        )
        for objective, cost in costs("objectives_stacked").items()
    },
}


def main(group: tyro.conf.Positional[Literal["points", "images", "augmentation", "stacked"]], only: str = "") -> None:
    """Measure the missing results of a group.

    Args:
      group: The group; each has a folder here.
      only: Part of the names of the results to measure.
    """
    folder = HERE / group
    folder.mkdir(exist_ok=True)
    for name, plan in PLANS[group].items():
        file = folder / f"{name}.json"
        if not file.exists() and only in name:
            print(f"{group}/{name}", flush=True)
            steps = "" if plan.cost is None else f" --steps {BUDGET[group] / plan.cost:.0f}"
            result = measure(plan, plan.train + steps, folder / f"{name}.png")
            file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def measure(plan: Plan, train: str, picture: Path) -> dict:
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        begin = time.perf_counter()
        gan_jax("train", train, f"--run-dir {run}")
        seconds = time.perf_counter() - begin
        results = [json.loads(gan_jax("evaluate", str(run), "--json", options)) for options in plan.evaluations]
        gan_jax("sample", str(run), f"--num {plan.samples} --out {picture}")
    return {
        "command": f"gan-jax train {train}",
        "evaluations": [f"gan-jax evaluate RUN {options}".strip() for options in plan.evaluations],
        "commit": git("rev-parse", "HEAD") + (" and changes" if git(*CHANGES) else ""),
        "machine": f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}",
        "train_seconds": round(seconds, 1),
        "results": results,
    }


def gan_jax(*arguments: str) -> str:
    """Runs a command, shows its progress, and returns its output."""
    command = [sys.executable, "-m", "gan_jax", *shlex.split(" ".join(arguments))]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    tyro.cli(main)
