"""The training loop beside the bare update: the time per step of data, metrics, checkpoints and pictures.

python experiments/benchmarks/loop.py [--json FILE]

The loop is `gan_jax.runs.loop.train` on a run in a temporary folder, as in `gan-jax train
experiments/wgan_gp_digits.py` but for its length. It asks its data for one batch per step. The data note the moments,
which gives the time of any steps without a hook in the loop and without the start and the end. A run is two intervals
of checkpoints and one step:

    0 ......... half ......... interval ......... 2 intervals, 1
                 |--- quiet ---|  |--- interval ---|

"quiet" lies between two checkpoints. "interval" holds one checkpoint and one picture, as every 500 steps do by default;
their programs have been compiled earlier. Both have a line of metrics every 50 steps.

In each round the bare update runs in a Python loop over the same batches, dealt beforehand; then comes a run.
"""

import dataclasses
import functools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tyro
from side_by_side import Times, ratio, report

from gan_jax.data.source import Source
from gan_jax.experiment import Experiment, build, load
from gan_jax.runs import folder as runs
from gan_jax.runs.games import keys_of, make_program
from gan_jax.runs.loop import train
from gan_jax.runs.options import Options
from gan_jax.types import Array, Batch, TrainState
from gan_jax.update import Update, deal

DIGITS = Path(__file__).parent.parent / "wgan_gp_digits.py"
BARE = "bare update"
KEYS = keys_of(Options().seed)


def main(experiment: Path = DIGITS, interval: int = 500, rounds: int = 3, json: Path | None = None) -> None:
    """Time the loop beside the bare update, alternating in this one process.

    Args:
      experiment: The experiment, at its defaults.
      interval: Steps between checkpoints, and between pictures; 3 or more.
      rounds: Runs, of two intervals each.
      json: File for the table.
    """
    times = measure(experiment, {}, interval, rounds)
    report(
        f"One step of {experiment.name}; a checkpoint and a picture every {interval} steps",
        ["what", "ms a step", "it / bare update"],
        [[name, 1e3 * statistics.median(times[name]), ratio(times, name, BARE)] for name in times],
        json,
        seconds=times,
    )


def measure(file: Path, arguments: dict[str, Any], interval: int, rounds: int) -> Times:
    """Returns the seconds of a step of the bare update and of the loop, with these arguments of the experiment."""
    arguments = arguments | {"steps": 2 * interval + 1}
    experiment = build(load(file), arguments)
    init, update = make_program(experiment, Options().parallel)
    bare = make_bare(experiment, init, update, interval)
    bare()
    times: Times = {BARE: [], "loop, quiet": [], "loop, interval": []}
    for _ in range(rounds):
        quiet, whole = loop(file, experiment, arguments, init, update, interval)
        for name, seconds in zip(times, (bare(), quiet, whole)):
            times[name].append(seconds)
    return times


def make_bare(
    experiment: Experiment, init: Callable[[Array], TrainState], update: Update, steps: int
) -> Callable[[], float]:
    """Returns a function that plays so many steps and returns the seconds of one."""
    stream = experiment.data.stream(KEYS.data, 0, experiment.examples)
    deal_all = jax.jit(functools.partial(deal, experiment.turns))
    batches = jax.block_until_ready([deal_all(next(stream)) for _ in range(steps)])

    def bare() -> float:
        state = jax.block_until_ready(init(KEYS.init))
        start = time.perf_counter()
        for batch in batches:
            state, metrics = update(state, batch, KEYS.game)
        jax.block_until_ready((state, metrics))
        return (time.perf_counter() - start) / steps

    return bare


def loop(
    file: Path,
    experiment: Experiment,
    arguments: dict[str, Any],
    init: Callable[[Array], TrainState],
    update: Update,
    interval: int,
) -> tuple[float, float]:
    """Trains in a fresh folder; returns the seconds of a step between two checkpoints, and in a whole interval."""
    asked: list[float] = []  # when, for the batch of each step
    watched = dataclasses.replace(experiment, data=watch(experiment.data, asked))
    options = Options(save_every=interval, sample_every=interval)
    with tempfile.TemporaryDirectory() as folder:
        run = runs.create(Path(folder) / "run", file, arguments, options, experiment.data.name)
        train(run, watched, update, init(KEYS.init))

    def between(first: int, last: int) -> float:
        return (asked[last] - asked[first]) / (last - first)

    return between(interval // 2, interval - 1), between(interval, 2 * interval)


def watch(source: Source, asked: list[float]) -> Source:
    """Returns the same data, which append to the list the moment at which each batch is asked for."""

    def stream(key: Array, first_step: int, batch_size: int, places: np.ndarray | None = None) -> Iterator[Batch]:
        batches = source.stream(key, first_step, batch_size, places)
        while True:
            asked.append(time.perf_counter())
            yield next(batches)

    return source._replace(stream=stream)


if __name__ == "__main__":
    tyro.cli(main)
