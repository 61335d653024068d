"""Figures of a run, each with the protocol that it was measured by: what `gan-jax evaluate` saves in RUN/result.json.

A figure says nothing without its protocol: data set and split, how many real and generated examples, features and
their weights, resize, which generator. `compare.py` puts side by side only what agrees in all of it.
"""

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np
from tqdm import tqdm

from gan_jax.data.source import Source, parts
from gan_jax.errors import NotFinite, UserError
from gan_jax.experiment import Experiment
from gan_jax.sample import make_draw
from gan_jax.storage.versions import versions
from gan_jax.types import Array, Batch, Measure, Mode, Variables

Figures = dict[str, float]
BATCH = 256


class Evaluation(NamedTuple):
    """generated: (variables of a generator, key) -> its figures; None where it has diverged.

    of_real: () -> those of as many real examples of the same part of the data.
    floor: () -> the figures of real examples that aren't those compared with, or where there are no others, of one half
        against the other; None if these are few.
    real, num_real, num: what samples are held against, how many of these, and how many samples.
    """

    generated: Callable[[Variables, Array], Figures | None]
    of_real: Callable[[], Figures]
    floor: Callable[[], dict[str, Any] | None]
    real: Source
    num_real: int
    num: int


def make_evaluation(
    experiment: Experiment, measure: Measure, *, split: str = "train", num: int, num_real: int | None = None
) -> Evaluation:
    """The real examples are looked at once, at the first need.

    Where there are classes, sample i has the label of the real example i that it's held against, and these begin again
    at their end: classes are as frequent among samples as in the data, endless ones too. `gan-jax sample` draws all
    classes equally often.

    split: of the data.
    num_real: how many of its examples are compared with; by default all, or `num` where they are endless.

    Raises:
      ValueError: the data have no such split, or there are too few samples.
    """
    data = experiment.data
    real = part_of(data, split)
    num_real = (real.size or num) if num_real is None else num_real
    if min(num, num_real) < 10:
        few = f", and there are no more than {real.size}" if real.size is not None and real.size < 10 else ""
        raise UserError(f"{num} samples against {num_real} of {real.name}: figures of fewer than 10 mean nothing{few}")
    if real.size is not None and num_real > real.size:
        raise UserError(f"{real.name} has {real.size} examples: --num-real {num_real} is too many")
    draw = make_draw(experiment.nets.generator, experiment.prior)

    def summary(batches: Iterator[np.ndarray], count: int, of: str) -> Any:
        with tqdm(total=count, desc=of, unit="example", leave=False, disable=None) as bar:

            def counted() -> Iterator[np.ndarray]:
                for batch in batches:
                    yield batch
                    bar.update(len(batch))

            return measure.summarise(counted())

    @functools.cache
    def reference() -> tuple[Any, np.ndarray | None]:
        """The summary of the real examples that samples are held against, and their labels."""
        labels: list[np.ndarray] = []

        def looked_at() -> Iterator[np.ndarray]:
            for batch in read(real, num_real, jax.random.key(0)):
                if data.classes:
                    labels.append(batch.label)
                yield batch.x

        return summary(looked_at(), num_real, real.name), np.concatenate(labels) if labels else None

    def figures(batches: Iterator[np.ndarray], count: int, of: str) -> Figures:
        against, _ = reference()
        with np.errstate(over="raise", invalid="raise"):
            compared = measure.compare(against, summary(batches, count, of))
        found = {name: float(value) for name, value in compared.items()}
        if not np.isfinite(list(found.values())).all():
            raise NotFinite(f"figures aren't finite: {found}")
        return found

    def generated(variables: Variables, key: Array) -> Figures | None:
        _, labels = reference()  # what is wrong with real examples is no game's fault
        try:
            return figures(finite(draw(variables, key, num, labels)), num, "samples")
        except FloatingPointError:  # a sample or its features aren't finite, or so large that figures overflow
            return None

    def of_real() -> Figures:
        return figures(examples(real, num, jax.random.key(1)), num, real.name)

    def floor() -> dict[str, Any] | None:
        other = real
        if real.size is not None or data.split is not None:
            try:
                other = part_of(data, {"train": "test", "test": "train"}[split.split("[")[0]])
            except (KeyError, ValueError):
                return floor_of_halves()
        count = min(num, other.size or num)
        if count < 10:
            return None
        return {
            "data": other.name,
            "examples": count,
            "figures": figures(examples(other, count, jax.random.key(1)), count, other.name),
        }

    def floor_of_halves() -> dict[str, Any] | None:
        """Of data without a part held out, one half against the other."""
        count = min(num, num_real) // 2
        if count < 10:
            return None
        size = min(BATCH, count)
        count -= count % size
        batches = (np.asarray(batch.x) for batch in real.stream(jax.random.key(1), 0, size))
        half, other = (summary(itertools.islice(batches, count // size), count, real.name) for _ in range(2))
        found = {name: float(value) for name, value in measure.compare(half, other).items()}
        return {"data": f"halves of {real.name}", "examples": count, "figures": found}

    return Evaluation(generated, of_real, floor, real, num_real, num)


def check_measure(experiment: Experiment, num: int) -> None:
    """Measures real examples once, so that errors surface before training starts.

    Args:
      experiment: One that is to be evaluated as it trains.
      num: Samples of each evaluation.

    Raises:
      ValueError: the experiment names no measure, or one that fails on its data, or whose best figure isn't among its
        figures.
      FloatingPointError: features of real examples aren't finite.
    """
    measure = experiment.measure
    if measure is None:
        raise UserError(
            "--evaluate-every: the experiment names no measure; give its Experiment one, as "
            "measure=measures.images(features.digits())"
        )
    num = min(num, part_of(experiment.data, "train").size or num)
    figures = make_evaluation(experiment, measure, num=num, num_real=num).of_real()
    if measure.best not in figures:
        raise UserError(f"best {measure.best!r}: the measure's figures are {', '.join(figures)}; name one of them")


def part_of(source: Source, split: str) -> Source:
    """The real examples of a split, without augmentation or noise.

    Raises:
      ValueError: the data have no such split.
    """
    return parts(source)(split)


def examples(source: Source, count: int, key: Array) -> Iterator[np.ndarray]:
    """Batches of `count` examples in all, in the key's order; none twice up to the source's size."""
    for batch in read(source, count, key):
        yield batch.x


def read(source: Source, count: int, key: Array) -> Iterator[Batch]:
    """The same with their labels."""
    for batch in source.stream(key, 0, min(BATCH, count)):
        yield jax.tree.map(lambda leaf, left=count: np.asarray(leaf)[:left], batch)
        count -= len(batch.x)
        if count <= 0:
            break


def finite(batches: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    for batch in batches:
        if not np.isfinite(batch).all():
            raise NotFinite("a sample is not finite")
        yield batch


def evaluate(
    experiment: Experiment,
    measure: Measure,
    generators: list[Variables],
    *,
    split: str,
    num: int,
    num_real: int | None,
    seed: int,
    made: dict[str, Any],
) -> dict[str, Any]:
    """What is saved of a run: figures of each game's generator, their quartiles, the share that collapsed, the floor,
    and the stamp: the protocol, which must agree where figures are compared, and how these were made.
    """
    evaluation = make_evaluation(experiment, measure, split=split, num=num, num_real=num_real)
    games = [evaluation.generated(variables, jax.random.key(seed)) for variables in generators]
    figures = by_name(games)
    return {
        "figures": figures,
        "quartiles": {name: quartiles(values) for name, values in figures.items()},
        "better": dict(measure.better),
        "collapsed": sum(game is None or measure.collapsed(game) for game in games) / len(games),
        "floor": evaluation.floor(),
        "protocol": {
            "data": evaluation.real.name,
            "real": evaluation.num_real,
            "generated": num,
            **({"classes": "of the real examples, in their order"} if is_conditional(experiment) else {}),
            "generator": "EMA" if made["checkpoint"] == "latest" else f"EMA, the best of a run by {measure.best}",
            **measure.protocol(evaluation.num_real),
        },
        "made": {**made, "games": len(games), "seed": seed, "versions": versions()},
    }


def is_conditional(experiment: Experiment) -> bool:
    """Whether the data have labels, and what the generator makes depends on them."""
    if not experiment.data.classes:
        return False
    generator, prior = experiment.nets.generator, experiment.prior

    def draw(label: Array) -> Array:
        z = prior(jax.random.key(0))[None]
        return generator.apply(*generator.init(jax.random.key(0), z, label), z, label, Mode())[0]

    program = jax.make_jaxpr(draw)(jax.ShapeDtypeStruct((1,), np.int32)).jaxpr
    needed = {id(value) for value in program.outvars}
    for equation in reversed(program.eqns):
        if needed & {id(value) for value in equation.outvars}:
            needed |= {id(value) for value in equation.invars}
    return id(program.invars[0]) in needed


def by_name(games: list[Figures | None]) -> dict[str, list[float | None]]:
    """Each figure's values in all games, None in those that diverged; nothing if all did."""
    names = next((list(figures) for figures in games if figures is not None), [])
    return {name: [None if figures is None else figures[name] for figures in games] for name in names}


def quartiles(values: list[float | None]) -> list[float]:
    return np.quantile([value for value in values if value is not None], (0.25, 0.5, 0.75)).tolist()


def merit_of(measure: Measure, games: list[Figures | None]) -> float | None:
    """The median of the figure that the best checkpoint is chosen by, larger where better; None if half diverged."""
    sign = {"higher": 1, "lower": -1}[measure.better[measure.best]]
    values = sorted(-np.inf if figures is None else sign * figures[measure.best] for figures in games)
    worse, better = values[(len(values) - 1) // 2], values[len(values) // 2]
    return None if worse == -np.inf else float((worse + better) / 2)
