"""Kills a real run again and again at random moments, and compares its files with those of an undisturbed run.

python experiments/benchmarks/faults.py [EXPERIMENT.py] [--kills 50]

A SIGKILL comes after a random time: during the start, during compilation, between two steps or in the middle of a save.
Then `gan-jax resume` goes on. After the last kill the run goes some steps further, and an undisturbed run goes as far.
Both must hold the same bytes: metrics, samples, and every array of the newest checkpoint. Exit code 1 if they don't.
"""

import json
import random
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import jax
import numpy as np
import tyro
from tqdm import tqdm

from gan_jax.runs.checkpoint import SEAL, restore
from gan_jax.runs.folder import open_run
from gan_jax.runs.games import abstract_state
from gan_jax.types import TrainState

DIGITS = Path(__file__).parent.parent / "wgan_gp_digits.py"
INTERVALS = "--log-every 1 --save-every 3 --sample-every 10 --num-samples 16"
ENDLESS = 1_000_000


def main(
    experiment: tyro.conf.Positional[Path] = DIGITS,
    kills: int = 50,
    longest: float | None = None,
    arguments: str = "--batch-size 8 --width 4",
    seed: int = 0,
) -> None:
    """Kill a run many times, and compare.

    Args:
      experiment: An experiment whose learning rates don't depend on the number of steps.
      kills: Number of kills.
      longest: Most seconds until a kill; by default a quarter more than a first run of ten steps takes, which
        compiles the programs for the later ones.
      arguments: Arguments of the experiment, in one string.
      seed: Seed of the moments.
    """
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        whole, killed = Path(folder) / "whole", Path(folder) / "killed"
        train = f"train {experiment.absolute()} {arguments} {INTERVALS}"
        begin = time.perf_counter()
        finish(f"{train} --steps 10 --run-dir {Path(folder) / 'first'}")
        longest = longest or 1.25 * (time.perf_counter() - begin)
        places: Counter[str] = Counter()
        for _ in tqdm(range(kills), unit="kill"):
            begun, before = (killed / "config.json").exists(), reached(killed)
            kill(
                f"resume {killed}" if begun else f"{train} --steps {ENDLESS} --run-dir {killed}",
                moments.uniform(0, longest),
            )
            places[place(killed, before)] += 1
        if not reached(killed):
            raise RuntimeError(f"no kill came after the first step: give a longer time than --longest {longest:.1f}")
        steps = reached(killed) + 12
        finish(f"resume {killed} --steps {steps}")
        finish(f"{train} --steps {steps} --run-dir {whole}")
        different = differences(whole, killed)
        met = ", ".join(f"{count} {where}" for where, count in places.most_common())
        outcome = ", ".join(different) + " differ" if different else "the same bytes"
        print(f"{kills} kills ({met}), {steps} steps: {outcome}")
    sys.exit(1 if different else 0)


def kill(command: str, after: float) -> None:
    """Starts gan-jax, and kills it after so many seconds.

    Raises:
      RuntimeError: It ended by itself.
    """
    process = gan_jax(command)
    try:
        _, error = process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    else:
        raise RuntimeError(f"gan-jax {command} ended with code {process.returncode}: {error[-2000:]}")


def finish(command: str) -> None:
    process = gan_jax(command)
    _, error = process.communicate()
    if process.returncode:
        raise RuntimeError(f"gan-jax {command} ended with code {process.returncode}: {error[-2000:]}")


def gan_jax(command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gan_jax", *shlex.split(command)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def place(run: Path, before: int) -> str:
    """Returns the phase in which a kill hit a run that started from the step `before`."""
    folders = [path for path in (run / "checkpoints").glob("*") if path.name[0].isdigit()]
    if any(not (folder / SEAL).exists() for folder in folders):
        return "in a save"
    return "between steps" if reached(run) > before else "before a step, as in compilation"


def reached(run: Path) -> int:
    """Returns the last step that has a line of metrics."""
    lines = (run / "metrics.jsonl").read_text().splitlines() if (run / "metrics.jsonl").exists() else []
    return max((json.loads(line)["step"] for line in lines if line.endswith("}")), default=0)


def differences(whole: Path, killed: Path) -> list[str]:
    """Returns the files and the arrays of the state in which two runs differ."""
    files = {path.relative_to(run) for run in (whole, killed) for path in (run / "samples").rglob("*.png")}
    different = [
        str(file)
        for file in [Path("metrics.jsonl"), *sorted(files)]
        if not all((run / file).is_file() for run in (whole, killed))
        or (whole / file).read_bytes() != (killed / file).read_bytes()
    ]
    states = [dict(jax.tree.leaves_with_path(state_of(run))) for run in (whole, killed)]
    return different + [
        jax.tree_util.keystr(path)
        for path, leaf in states[0].items()
        if np.asarray(leaf).tobytes() != np.asarray(states[1][path]).tobytes()
    ]


def state_of(folder: Path) -> TrainState:
    run = open_run(folder)
    return restore(run.checkpoints, abstract_state(run.experiment(), run.options.num_seeds))


if __name__ == "__main__":
    tyro.cli(main)
