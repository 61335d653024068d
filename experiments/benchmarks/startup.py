"""From the command to the prompt: a first start of training, a second one, and the commands that train nothing.

python experiments/benchmarks/startup.py [--json FILE]

A start is `gan-jax train experiments/wgan_gp_digits.py --steps 1` in a process of its own: imports, compilation, one
step, two checkpoints and a picture. The first of a round has an empty folder of compiled programs; the second finds
those of the first.
"""

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import tyro
from side_by_side import race, ratio, report

ROOT = Path(__file__).parent.parent.parent


def main(
    experiment: Path = ROOT / "experiments" / "wgan_gp_digits.py", rounds: int = 5, json: Path | None = None
) -> None:
    """Time the commands, alternating.

    Args:
      experiment: The experiment to train for one step.
      rounds: Timed starts of each.
      json: File for the table.
    """
    with tempfile.TemporaryDirectory() as folder:
        caches: list[str] = []

        def first() -> None:
            caches.append(tempfile.mkdtemp(dir=folder))
            start()

        def start() -> None:
            run = tempfile.mkdtemp(dir=folder)
            options = ["--steps", "1", "--run-dir", run, "--compile-cache", caches[-1]]
            gan_jax("train", str(experiment.absolute()), *options)

        commands = {
            "train, first start": first,
            "train, second start": start,
            "--help": lambda: gan_jax("--help"),
            "list": lambda: gan_jax("list"),
        }
        times = race(commands, rounds)
    report(
        f"From start to exit: gan-jax train {experiment.name} --steps 1, and gan-jax --help and list",
        ["gan-jax", "s", "it / first start"],
        [[name, statistics.median(times[name]), ratio(times, name, "train, first start")] for name in times],
        json,
        seconds=times,
    )


def gan_jax(*arguments: str) -> None:
    """Runs the command line in a process of its own, in the repository's folder."""
    subprocess.run([sys.executable, "-m", "gan_jax", *arguments], cwd=ROOT, capture_output=True, check=True)


if __name__ == "__main__":
    tyro.cli(main)
