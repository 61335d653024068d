"""Peak memory of training by batch size: ours beside PyTorch.

python experiments/benchmarks/memory.py [--batch-sizes 64 128 256] [--json FILE]

Each plays three iterations of iteration.py's plain game in a process of its own. Two figures are reported: the peak of
the process, and its growth from the point at which the libraries were imported and nothing was built.

XLA's compiler needs memory too, but only once and not for training. So ours finds its program in JAX's persistent
cache, where a first round that isn't counted puts it.
"""

import importlib.util
import json as json_
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import tyro
from game import Game
from side_by_side import Times, ratio, report

ITERATIONS = 3
CONTENDERS = {"gan_jax": ("jax", "ours_dcgan"), "PyTorch eager": ("torch", "torch_dcgan")}  # what it needs, its module


def main(
    batch_sizes: tuple[int, ...] = (64, 128, 256), width: int = 64, rounds: int = 3, json: Path | None = None
) -> None:
    """Measure the peak memory of ours and of PyTorch.

    Args:
      batch_sizes: Images per turn.
      width: Channels of the layers nearest the image.
      rounds: Measured processes of each.
      json: File for the table.
    """
    modules = installed()
    rows: list[list[Any]] = []
    for batch_size in batch_sizes:
        peaks, trainings = measure(modules, Game(batch_size, width), rounds)
        rows += [
            [
                batch_size,
                name,
                statistics.median(peaks[name]),
                statistics.median(trainings[name]),
                ratio(trainings, "gan_jax", name),
            ]
            for name in modules
        ]
    report(
        f"Peak memory of training on images of 28x28: width {width}, 5 critic turns",
        ["batch", "contender", "peak MiB", "of training MiB", "gan_jax / it, of training"],
        rows,
        json,
    )


def installed() -> dict[str, str]:
    """Returns the contenders' modules; those that aren't installed are left out by name."""
    modules = {}
    for name, (package, module) in CONTENDERS.items():
        if importlib.util.find_spec(package):
            modules[name] = module
        else:
            print(f"{name} is left out: {package} isn't installed")
    return modules


def measure(modules: dict[str, str], game: Game, rounds: int) -> tuple[Times, Times]:
    """Contender -> its peaks, and what of them is training's, in MiB: one a round, after one that isn't counted."""
    peaks: Times = {name: [] for name in modules}
    trainings: Times = {name: [] for name in modules}
    with tempfile.TemporaryDirectory() as cache:
        for number in range(rounds + 1):
            for name, module in modules.items():
                memory = in_a_process(module, game, cache)
                if number:
                    peaks[name].append(memory["peak"])
                    trainings[name].append(memory["peak"] - memory["imported"])
    return peaks, trainings


def in_a_process(module: str, game: Game, cache: str) -> dict[str, float]:
    """Returns the output of peak.py for one contender, with compiled programs from the folder `cache`."""
    script = Path(__file__).with_name("peak.py")
    options = ["--module", module, "--iterations", str(ITERATIONS)]
    settings = ["--game.batch-size", str(game.batch_size), "--game.width", str(game.width)]
    environment = os.environ | {
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    child = subprocess.run(
        [sys.executable, str(script), *options, *settings], env=environment, stdout=subprocess.PIPE, check=True
    )
    return json_.loads(child.stdout)


if __name__ == "__main__":
    tyro.cli(main)
