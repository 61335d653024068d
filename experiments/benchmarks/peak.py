"""The child of memory.py: plays a few iterations of one contender, and prints its peak memory in MiB as JSON."""

import importlib
import json
from pathlib import Path

import tyro
from game import Game


def main(module: str, iterations: int, game: Game) -> None:
    contender = importlib.import_module(module)
    imported = peak()
    iteration = contender.iteration(game)
    for _ in range(iterations):
        iteration()
    print(json.dumps({"imported": imported, "peak": peak()}))


def peak() -> float:
    """The most memory that this process has held, in MiB.

    From /proc, so on Linux only: `ru_maxrss` counts what the parent held when it forked.
    """
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


if __name__ == "__main__":
    tyro.cli(main)
