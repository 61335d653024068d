"""Figures of a generator: how its samples compare with real examples."""

import functools
import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import jax
import numpy as np

from gan_jax.errors import NotFinite, UserError
from gan_jax.evaluation.bars import counted
from gan_jax.evaluation.examples import BATCH, examples, labelled, part_of
from gan_jax.experiment import Experiment
from gan_jax.sample import concatenated, make_draw
from gan_jax.types import Array, Condition, Measure, Variables

Figures = dict[str, float]
FEWEST = 10  # examples: figures of fewer mean nothing
HELD_OUT = {"train": "test", "test": "train"}


class Evaluation:
    """Measures generators against real examples, which are processed once, lazily.

    Where there are conditions, sample i has that of real example i. They are cycled, so the samples have the data's
    class balance. `gan-jax sample` draws all classes equally often.
    """

    def __init__(
        self,
        experiment: Experiment,
        measure: Measure,
        *,
        split: str = "train",
        num: int,
        num_real: int | None = None,
    ):
        """Chooses the real examples.

        Args:
          experiment: The one whose generators are measured.
          measure: Computes the figures.
          split: The part of the data that samples are compared with.
          num: Samples.
          num_real: Real examples that samples are compared with; by default all, or `num` where they are endless.

        Raises:
          ValueError: The data have no such split or too few examples, or there are too few samples.
        """
        real = part_of(experiment.data, split)
        num_real = (real.size or num) if num_real is None else num_real
        if min(num, num_real) < FEWEST:
            few = f", and there are no more than {real.size}" if real.size is not None and real.size < FEWEST else ""
            raise UserError(
                f"{num} samples against {num_real} of {real.name}: figures of fewer than {FEWEST} mean nothing{few}"
            )
        if real.size is not None and num_real > real.size:
            raise UserError(f"{real.name} has {real.size} examples: --num-real {num_real} is too many")
        self.data, self.measure, self.split = experiment.data, measure, split
        self.real, self.num_real, self.num = real, num_real, num
        self.draw = make_draw(experiment.nets.generator, experiment.prior)

    def generated(self, variables: Variables, key: Array) -> Figures | None:
        """Returns the figures of a generator's samples, or None if it has diverged."""
        _, conditions = self.reference  # an error in real examples is no game's fault
        try:
            return self.figures(finite(self.draw(variables, key, self.num, conditions)), self.num, "samples")
        except FloatingPointError:  # a sample or its features aren't finite, or so large that figures overflow
            return None

    def of_real(self) -> Figures:
        """Returns the figures of as many real examples of the same part of the data."""
        return self.figures(examples(self.real, self.num, jax.random.key(1)), self.num, self.real.name)

    def floor(self) -> dict[str, Any] | None:
        """Returns the figures of held-out real examples; None if there are too few.

        Where no part of the data is held out, one half of them is compared with the other.
        """
        other = self.real
        if self.real.size is not None or self.data.split is not None:
            try:
                other = part_of(self.data, HELD_OUT[self.split.split("[")[0]])
            except (KeyError, ValueError):
                return self.floor_of_halves()
        count = min(self.num, other.size or self.num)
        if count < FEWEST:
            return None
        found = self.figures(examples(other, count, jax.random.key(1)), count, other.name)
        return {"data": other.name, "examples": count, "figures": found}

    def floor_of_halves(self) -> dict[str, Any] | None:
        """Compares one half of the data with the other."""
        count = min(self.num, self.num_real) // 2
        if count < FEWEST:
            return None
        size = min(BATCH, count)
        count -= count % size
        batches = (jax.device_get(batch.x) for batch in self.real.stream(jax.random.key(1), 0, size))
        half, other = (
            self.measure.summarise(counted(itertools.islice(batches, count // size), count, self.real.name))
            for _ in range(2)
        )
        found = {name: float(value) for name, value in self.measure.compare(half, other).items()}
        return {"data": f"halves of {self.real.name}", "examples": count, "figures": found}

    @functools.cached_property
    def reference(self) -> tuple[Any, Condition]:
        """The summary of the real examples that samples are compared with, and the conditions of the first `num`."""
        conditions: list[Condition] = []

        def looked_at() -> Iterator[np.ndarray]:
            for number, batch in enumerate(labelled(self.real, self.num_real, jax.random.key(0))):
                if number * BATCH < self.num:
                    conditions.append(batch.condition)
                yield batch.x

        summary = self.measure.summarise(counted(looked_at(), self.num_real, self.real.name))
        return summary, concatenated(conditions)

    def figures(self, batches: Iterable[np.ndarray], count: int, name: str) -> Figures:
        """Compares examples with the reference.

        Raises:
          FloatingPointError: A figure isn't finite.
        """
        against, _ = self.reference
        with np.errstate(over="raise", invalid="raise"):
            compared = self.measure.compare(against, self.measure.summarise(counted(batches, count, name)))
        found = {name: float(value) for name, value in compared.items()}
        if not np.isfinite(list(found.values())).all():
            raise NotFinite(f"figures aren't finite: {found}")
        return found


def finite(batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    for batch in batches:
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(batch)):
            raise NotFinite("a sample is not finite")
        yield batch


def check_measure(experiment: Experiment, num: int) -> None:
    """Measures real examples once, so that errors surface before training starts.

    Args:
      experiment: The one that will be evaluated as it trains.
      num: Samples of each evaluation.

    Raises:
      ValueError: The experiment names no measure, or one that fails on its data, or whose best figure isn't among its
        figures.
      FloatingPointError: Features of real examples aren't finite.
    """
    measure = experiment.measure
    if measure is None:
        raise UserError(
            "--evaluate-every: the experiment names no measure; give its Experiment one, as "
            "measure=measures.images(features.efficientnet_lite0())"
        )
    num = min(num, part_of(experiment.data, "train").size or num)
    figures = Evaluation(experiment, measure, num=num, num_real=num).of_real()
    if measure.best not in figures:
        raise UserError(f"best {measure.best!r}: the measure's figures are {', '.join(figures)}; name one of them")


def values_of(games: list[Figures | None]) -> dict[str, list[float | None]]:
    """Returns each figure's values in all games, None in those that diverged; nothing if all did."""
    names = next((list(figures) for figures in games if figures is not None), [])
    return {name: [None if figures is None else figures[name] for figures in games] for name in names}


def merit_of(measure: Measure, games: list[Figures | None]) -> float | None:
    """Returns the merit of a checkpoint, which is larger where the games' generators are better.

    It is the median of the measure's figure `best`, negated where lower is better; None if half of the games diverged.
    """
    sign = {"higher": 1, "lower": -1}[measure.better[measure.best]]
    values = sorted(-np.inf if figures is None else sign * figures[measure.best] for figures in games)
    worse, better = values[(len(values) - 1) // 2], values[len(values) // 2]
    return None if worse == -np.inf else float((worse + better) / 2)
