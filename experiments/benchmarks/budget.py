"""The cost of an update of each objective on one core, for games that experiments/results measures by a time budget.

taskset -c 0 python experiments/benchmarks/budget.py [--json experiments/results/budget.json]

All objectives and their data alternate in this one process, so that other load on the machine affects all alike.
Compilation isn't counted. Fashion-MNIST's games have the digits' networks, and thus their cost.
"""

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import tyro
from side_by_side import race, ratio, report

from gan_jax.experiment import Experiment, load
from gan_jax.runs.games import dealt, keys_of, make_program

EXPERIMENTS = Path(__file__).parent.parent
OBJECTIVES = {
    "objectives_digits": ("minimax", "non_saturating", "wgan", "wgan_gp", "sn_hinge", "r1", "relativistic"),
    "objectives_stacked": ("non_saturating", "packed", "wgan_gp", "relativistic"),
}


def main(updates: int = 10, rounds: int = 9, json: Path | None = None) -> None:
    """Time an update of each objective, alternating in this one process.

    Args:
      updates: Updates in one timing.
      rounds: Timings of each.
      json: File for the table.
    """
    rows = []
    for name, objectives in OBJECTIVES.items():
        experiment = load(EXPERIMENTS / f"{name}.py")
        times = race({one: playing(experiment(objective=one), updates) for one in objectives}, rounds)
        rows += [
            [name, one, 1e3 * statistics.median(times[one]) / updates, ratio(times, one, objectives[0])]
            for one in objectives
        ]
    report(
        f"One update, the median of {rounds} timings of {updates}",
        ["experiment", "objective", "ms", "it / the first"],
        rows,
        json,
    )


def playing(experiment: Experiment, updates: int) -> Callable[[], Any]:
    """Makes a contender that takes so many updates, each on the next batches of the data."""
    init, update = make_program(experiment, "jit")
    keys = keys_of(0)
    state, batches = init(keys.init), dealt(experiment, keys, 1, 0)

    def play() -> None:
        nonlocal state
        for _ in range(updates):
            state, metrics = update(state, next(batches), keys.game)
        jax.block_until_ready((state, metrics))

    return play


if __name__ == "__main__":
    tyro.cli(main)
