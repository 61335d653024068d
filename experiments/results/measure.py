"""Trains and evaluates what the results are made of, and keeps each as a JSON file and a picture beside this script.

python experiments/results/measure.py points [--only gaussians25_wgan_gp]
taskset -c 0 python experiments/results/measure.py images --only digits     # on one core, as the kept ones of images
python experiments/results/draw.py            # the tables and figures of docs/results.md

A result holds the commands, the commit, the time that training took, and what `gan-jax evaluate` measured. One that is
there already isn't measured again: delete its file to have it anew. Where objectives share a budget, it's the time that
one core works for a game, not that of the clock. Other work on the machine makes even that longer, so the least of a
few short runs counts; leave the machine alone all the same.
"""

import json
import os
import platform
import resource
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
    seconds: float | None = None  # of a core, for a game, by which its steps are chosen; None: the experiment's own


POINTS = ("gaussians8", "gaussians25", "swiss_roll")
IMAGES = ("digits", "fashion_mnist")
STACKED = ("non_saturating", "packed", "wgan_gp", "relativistic")
OBJECTIVES = ("minimax", "non_saturating", "wgan", "wgan_gp", "sn_hinge", "r1", "relativistic")
QUIET = "--sample-every 1000000 --save-every 1000000 --log-every 100"

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
            seconds=60,
        )
        for data in IMAGES
        for objective in OBJECTIVES
    },
    "stacked": {
        f"digits_{objective}": Plan(
            f"experiments/objectives_stacked.py --objective {objective} --num-seeds 2 {QUIET}", seconds=150
        )
        for objective in STACKED
    },
}


def main(group: tyro.conf.Positional[Literal["points", "images", "stacked"]], only: str = "") -> None:
    """Measure the results of a group that aren't there yet.

    Args:
      group: Which; each has a folder here.
      only: The results alone whose names hold this.
    """
    folder = HERE / group
    folder.mkdir(exist_ok=True)
    for name, plan in PLANS[group].items():
        file = folder / f"{name}.json"
        if not file.exists() and only in name:
            print(f"{group}/{name}", flush=True)
            result = measure(plan, folder / f"{name}.png")
            file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def measure(plan: Plan, picture: Path) -> dict:
    with tempfile.TemporaryDirectory() as scratch:
        run = Path(scratch) / "run"
        train = plan.train if plan.seconds is None else f"{plan.train} --steps {affordable(plan, Path(scratch))}"
        begin = time.perf_counter()
        core_seconds = core_seconds_of(f"train {train} --run-dir {run}")
        seconds = time.perf_counter() - begin
        results = [json.loads(gan_jax("evaluate", str(run), "--json", options)) for options in plan.evaluations]
        gan_jax("sample", str(run), f"--num {plan.samples} --out {picture}")
    return {
        "command": f"gan-jax train {train}",
        "evaluations": [f"gan-jax evaluate RUN {options}".strip() for options in plan.evaluations],
        "commit": git("rev-parse", "HEAD")
        + ("" if not git("status", "--porcelain", "-uno", "gan_jax", "experiments") else " and changes"),
        "machine": f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}",
        "train_seconds": round(seconds, 1),
        "train_core_seconds": round(core_seconds, 1),
        "results": results,
    }


def affordable(plan: Plan, scratch: Path) -> int:
    """The steps that fit in the plan's time, by short runs whose difference leaves out start and compilation."""
    few, many = 25, 325

    def cost(steps: int, number: int) -> float:
        folder = scratch / f"{steps}_{number}"
        return core_seconds_of(
            f"train {plan.train} --num-seeds 1 --steps {steps} --no-compile-cache --run-dir {folder}"
        )

    shortest, longest = (min(cost(steps, number) for number in range(3)) for steps in (few, many))
    return int((plan.seconds or 0) * (many - few) / (longest - shortest))


def core_seconds_of(command: str) -> float:
    """What a command makes all cores work, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    gan_jax(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def gan_jax(*arguments: str) -> str:
    """The output of a command, whose progress is shown."""
    command = [sys.executable, "-m", "gan_jax", *shlex.split(" ".join(arguments))]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


def git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    tyro.cli(main)
