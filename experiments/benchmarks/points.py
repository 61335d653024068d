"""WGAN-GP on 25 Gaussians, 5 critic turns and 1 generator turn an iteration: ours beside PyTorch, by width.

python experiments/benchmarks/points.py [--widths 64 128 512] [--json FILE]

The game is experiments/wgan_gp_points.py: MLPs of three hidden layers, batch 256. Ours takes 20 iterations in one
program, by `lax.scan` over the update; a call for each is a few per cent slower at width 64. PyTorch takes them in a
loop. Both use the same points, drawn beforehand. The reported time is that of one iteration.

Without PyTorch, ours runs alone; `pip install torch` adds it.
"""

import importlib
import statistics
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import ours_points
import tyro
from side_by_side import Times, race, ratio, report

OURS, PEER = "gan_jax", "PyTorch eager"


def main(
    widths: tuple[int, ...] = (64, 128, 512),
    batch_size: int = 256,
    iterations: int = 20,
    rounds: int = 7,
    json: Path | None = None,
) -> None:
    """Time ours beside PyTorch, alternating in this one process.

    Args:
      widths: Units of the three hidden layers of both players.
      batch_size: Points per turn.
      iterations: Iterations in one timing.
      rounds: Timings of each.
      json: File for the table.
    """
    peer = import_peer()
    times = {width: compare(width, batch_size, iterations, rounds, peer) for width in widths}
    report(
        f"One WGAN-GP iteration on 25 Gaussians: batch {batch_size}, 5 critic turns",
        ["width", f"{OURS} ms", f"{PEER} ms", f"{OURS} / {PEER}"],
        [row(width, times[width], iterations) for width in widths],
        json,
        iterations=iterations,
        seconds=times,
    )


def import_peer() -> ModuleType | None:
    try:
        return importlib.import_module("torch_points")
    except ModuleNotFoundError as error:
        print(f"{PEER} is left out: {error.name} isn't installed")
        return None


def compare(width: int, batch_size: int, iterations: int, rounds: int, peer: ModuleType | None) -> Times:
    experiment = ours_points.make(width, batch_size)
    points = ours_points.draw(experiment, iterations)
    contenders = {OURS: ours_points.iterations(experiment, points)}
    if peer:
        turns = np.asarray(points).reshape(iterations, -1, batch_size, 2)
        contenders[PEER] = peer.iterations(turns[:, : experiment.critic_steps], width)
    return race(contenders, rounds)


def row(width: int, times: Times, iterations: int) -> list[Any]:
    milliseconds = {name: 1e3 * statistics.median(seconds) / iterations for name, seconds in times.items()}
    return [width, milliseconds[OURS], milliseconds.get(PEER), ratio(times, OURS, PEER) if PEER in times else None]


if __name__ == "__main__":
    tyro.cli(main)
