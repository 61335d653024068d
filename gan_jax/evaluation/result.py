"""The result of evaluating a run: figures with the protocol that they were measured by, as RUN/result.json has them.

A figure says nothing without its protocol: data set and split, how many real and generated examples, features and
their weights, resize, which generator. `compare.py` puts side by side only results that agree in all of it.
"""

from typing import Any

import jax
import numpy as np

from gan_jax.evaluation.figures import Evaluation, values_of
from gan_jax.experiment import Experiment
from gan_jax.sample import generate
from gan_jax.storage.versions import versions
from gan_jax.types import Condition, Measure, Protocol, Variables


def evaluate_games(
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
    """Measures the generators of all games of a run.

    Args:
      experiment: The run's experiment.
      measure: Computes the figures.
      generators: The variables of each game's generator.
      split: The part of the data that samples are compared with.
      num: Samples of each game.
      num_real: Real examples that they are compared with; None: all, or `num` where they are endless.
      seed: Seed of the samples.
      made: How the generators were made: the run, its step, and which checkpoint.

    Returns:
      JSON: each game's figures, their quartiles, the share of games that collapsed, the floor, and the stamp: the
      protocol, which must agree where figures are compared, and how these figures were made.
    """
    evaluation = Evaluation(experiment, measure, split=split, num=num, num_real=num_real)
    games = [evaluation.generated(variables, jax.random.key(seed)) for variables in generators]
    figures = values_of(games)
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
            **conditions_of(experiment),
            "generator": "EMA" if made["checkpoint"] == "latest" else f"EMA, the best of a run by {measure.best}",
            **measure.protocol(evaluation.num_real),
        },
        "made": {**made, "games": len(games), "seed": seed, "versions": versions()},
    }


def conditions_of(experiment: Experiment) -> Protocol:
    """The conditions of samples for the protocol; {} where samples don't depend on them."""
    kind = "classes" if experiment.data.classes else "conditions"
    return {kind: "of the real examples, in their order"} if is_conditional(experiment) else {}


def is_conditional(experiment: Experiment) -> bool:
    """Whether the generator's samples depend on the data's conditions."""
    generator, prior = experiment.nets.generator, experiment.prior

    def draw(condition: Condition) -> Any:
        z = jax.tree.map(lambda leaf: leaf[None], prior(jax.random.key(0)))
        return generate(generator, Variables(*generator.init(jax.random.key(0), z, condition)), z, None, condition)

    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape), leaf.dtype), experiment.data.example)
    program = jax.make_jaxpr(draw)(one.condition).jaxpr
    needed = {id(value) for value in program.outvars}
    for equation in reversed(program.eqns):
        if needed & {id(value) for value in equation.outvars}:
            needed |= {id(value) for value in equation.invars}
    return any(id(value) in needed for value in program.invars)


def quartiles(values: list[float | None]) -> list[float]:
    return np.quantile([value for value in values if value is not None], (0.25, 0.5, 0.75)).tolist()
