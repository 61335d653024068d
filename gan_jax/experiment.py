"""What a run is made of, and the file that says so.

An experiment is a Python file with a docstring (paper, expected result, settings, command) and

    def experiment(*, steps: int = 1000, batch_size: int = 64, width: int = 64) -> Experiment: ...

The signature is its configuration: the command line is built from it, and the bound values are saved as JSON.
"""

import dataclasses
import functools
import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import optax

from gan_jax import views
from gan_jax.data.source import Source
from gan_jax.errors import Missing, UserError
from gan_jax.storage import user_file as program
from gan_jax.types import Array, Measure, Network, Objective, Players, Prior, TrainState, View
from gan_jax.update import Update, make_init, make_update

REQUIRED = ("steps", "batch_size")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """Everything that a run needs and the command line doesn't decide.

    steps: updates in all; one is `critic_steps` turns of the critic, then `generator_steps` of the generator.
    batch_size: examples of a turn, over all devices together.
    generator_batch_size: of the generator's turns, if another.
    ema_decay: of the averaged generator that samples are drawn from.
    dtype: what the networks compute in while they are trained, as jnp.bfloat16; None: what their parameters are of.
    view: how samples become files.
    measure: what samples are measured by, unless `gan-jax evaluate --features` says otherwise.
    """

    data: Source
    nets: Players[Network]
    objective: Objective
    optimizers: Players[optax.GradientTransformation]
    prior: Prior
    steps: int
    batch_size: int
    generator_batch_size: int | None = None
    critic_steps: int = 1
    generator_steps: int = 1
    ema_decay: float = 0.999
    dtype: Any = None
    view: View = views.images
    measure: Measure | None = None

    def __post_init__(self) -> None:
        if self.measure is not None:
            check_best(self.measure)

    @property
    def turns(self) -> Players[tuple[int, int]]:
        """Each player's turns in one update, and its examples a turn."""
        generator_batch_size = self.batch_size if self.generator_batch_size is None else self.generator_batch_size
        return Players((self.critic_steps, self.batch_size), (self.generator_steps, generator_batch_size))

    @property
    def examples(self) -> int:
        """Examples of one update."""
        return sum(math.prod(turn) for turn in self.turns)


def check_best(measure: Measure) -> None:
    """Raises UserError unless `better` gives the direction of `best`."""
    if strange := set(measure.better.values()) - {"higher", "lower"}:
        raise UserError(f"better {', '.join(map(repr, strange))}: each figure is better 'higher' or 'lower'")
    if measure.best not in measure.better:
        known = ", ".join(measure.better)
        raise UserError(f"best {measure.best!r}: name one of the figures that the measure has in `better`: {known}")


def make_updates(experiment: Experiment) -> Callable[..., Update]:
    """The experiment's update, but for the name of the axis that its batch may be split over."""
    return functools.partial(
        make_update,
        experiment.nets,
        experiment.objective,
        experiment.optimizers,
        experiment.prior,
        critic_steps=experiment.critic_steps,
        generator_steps=experiment.generator_steps,
        ema_decay=experiment.ema_decay,
        dtype=experiment.dtype,
    )


def init_of(experiment: Experiment) -> Callable[[Array], TrainState]:
    return make_init(experiment.nets, experiment.optimizers, experiment.prior, experiment.data.example)


def load(path: Path) -> Callable[..., Experiment]:
    """The `experiment` function of a file.

    Raises:
      FileNotFoundError: no such file.
      ValueError: it can't be run, or has no such function with keyword arguments `steps` and `batch_size`.
    """
    if not path.is_file():
        raise Missing(f"{path}: no such experiment file; `gan-jax list` shows those that there are")
    module = program.load(path)
    function = getattr(module, "experiment", None)
    if not callable(function):
        raise UserError(f"{path} defines no `experiment` function: see gan_jax/experiment.py for what one is")
    missing = [name for name in REQUIRED if name not in inspect.signature(function).parameters]
    if missing:
        raise UserError(f"{path}: `experiment` lacks the argument {' and '.join(missing)}: add it, with a default")
    return function


PRECISIONS = {"f32": jnp.float32, "bf16": jnp.bfloat16}


def build(function: Callable[..., Experiment], arguments: dict[str, Any], precision: str | None = None) -> Experiment:
    """What the function makes of its arguments.

    precision: what its networks compute in, of PRECISIONS, if not what the experiment says.

    Raises:
      ValueError: arguments that it doesn't take, or a result that isn't an Experiment.
    """
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        raise UserError(f"the arguments in config.json don't fit the run's experiment.py: {error}") from error
    built = function(**arguments)
    if not isinstance(built, Experiment):
        raise UserError(f"`experiment` returns {type(built).__name__}: it must return an Experiment")
    return built if precision is None else dataclasses.replace(built, dtype=PRECISIONS[precision])
