"""An experiment: the definition of a run, in a Python file.

The file has a docstring (paper, expected result, settings, command) and a function::

    def experiment(*, steps: int = 1000, batch_size: int = 64, width: int = 64) -> Experiment: ...

Its signature is the configuration: the command line is built from it, and the bound values are saved as JSON.
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
from gan_jax.dynamics import Method
from gan_jax.errors import Missing, UserError
from gan_jax.play import EMADecay, unchanged
from gan_jax.simultaneous import TURNS, make_simultaneous_update
from gan_jax.storage import user_file as program
from gan_jax.types import Array, Augment, Measure, Network, Objective, Players, Prior, TrainState, View
from gan_jax.update import Update, make_init, make_update

REQUIRED = ("steps", "batch_size")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """Everything about a run that the command line doesn't decide.

    Attributes:
      data: The data.
      nets: Both networks.
      objective: Each player's loss.
      optimizers: Both players' optimisers.
      prior: Draws the generator's latent examples.
      steps: The number of updates. One is `critic_steps` turns of the critic, then `generator_steps` of the generator.
      batch_size: Examples of a turn, over all devices together.
      generator_batch_size: Examples of a turn of the generator; by default `batch_size`.
      critic_steps: Turns of the critic in one update.
      generator_steps: Turns of the generator in one update.
      ema_decay: The decay, per turn of the generator, of the averaged generator that samples are drawn from: a number,
        which leaves the initial values no weight, or a function of the step, which should begin at 0.
      augment: How the critic sees examples, real and fake.
      dynamics: How both players move when they move at once, a method of `gan_jax.dynamics`; None if they take turns.
      dtype: The networks' type of computation in training, such as jnp.bfloat16; by default that of their parameters.
      view: How samples become files.
      measure: How samples are measured, unless `gan-jax evaluate --features` says otherwise.
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
    ema_decay: EMADecay = 0.999
    augment: Augment = unchanged
    dynamics: Method | None = None
    dtype: Any = None
    view: View = views.images
    measure: Measure | None = None

    def __post_init__(self) -> None:
        if self.dynamics is not None:
            check_at_once(self)
        if self.measure is not None:
            check_best(self.measure)

    @property
    def turns(self) -> Players[tuple[int, int]]:
        """Each player's turns in one update, and examples in a turn; with `dynamics`, both play the critic's."""
        if self.dynamics is not None:
            return Players(*((turns, self.batch_size) for turns in TURNS))
        generator_batch_size = self.batch_size if self.generator_batch_size is None else self.generator_batch_size
        return Players((self.critic_steps, self.batch_size), (self.generator_steps, generator_batch_size))

    @property
    def examples(self) -> int:
        """Examples in one update."""
        return sum(math.prod(turn) for turn in self.turns)


def check_at_once(experiment: Experiment) -> None:
    """Raises UserError for turns or batches of one player alone in an experiment with `dynamics`."""
    if (experiment.critic_steps, experiment.generator_steps) != (1, 1):
        raise UserError("with dynamics the players move at once: leave out critic_steps and generator_steps")
    if experiment.generator_batch_size not in (None, experiment.batch_size):
        raise UserError("with dynamics the players share each batch: leave out generator_batch_size")


def check_best(measure: Measure) -> None:
    """Raises UserError unless `better` gives the direction of `best`."""
    if strange := set(measure.better.values()) - {"higher", "lower"}:
        raise UserError(f"better {', '.join(map(repr, strange))}: each figure is better 'higher' or 'lower'")
    if measure.best not in measure.better:
        known = ", ".join(measure.better)
        raise UserError(f"best {measure.best!r}: name one of the figures that the measure has in `better`: {known}")


def make_updates(experiment: Experiment) -> Callable[..., Update]:
    """`make_update` or `make_simultaneous_update` of the experiment; it still takes `axis_name`."""
    players = experiment.nets, experiment.objective, experiment.optimizers, experiment.prior
    options: dict[str, Any] = {
        "ema_decay": experiment.ema_decay,
        "augment": experiment.augment,
        "dtype": experiment.dtype,
    }
    if experiment.dynamics is not None:
        return functools.partial(make_simultaneous_update, *players, method=experiment.dynamics, **options)
    options |= {"critic_steps": experiment.critic_steps, "generator_steps": experiment.generator_steps}
    return functools.partial(make_update, *players, **options)


def init_of(experiment: Experiment) -> Callable[[Array], TrainState]:
    """`make_init` of the experiment: key -> the first state."""
    return make_init(
        experiment.nets,
        experiment.objective,
        experiment.optimizers,
        experiment.prior,
        experiment.data.example,
        augment=experiment.augment,
    )


def load(path: Path) -> Callable[..., Experiment]:
    """Loads the `experiment` function of a file.

    Raises:
      FileNotFoundError: There is no such file.
      ValueError: The file fails to run, or has no `experiment` function with arguments `steps` and `batch_size`.
    """
    if not path.is_file():
        raise Missing(f"{path}: no such experiment file; `gan-jax list` shows the available ones")
    module = program.load(path)
    function = getattr(module, "experiment", None)
    if not callable(function):
        raise UserError(f"{path} defines no `experiment` function: see the first lines of gan_jax/experiment.py")
    missing = [name for name in REQUIRED if name not in inspect.signature(function).parameters]
    if missing:
        raise UserError(f"{path}: `experiment` lacks the argument {' and '.join(missing)}: add it, with a default")
    return function


PRECISIONS = {"f32": jnp.float32, "bf16": jnp.bfloat16}


def build(function: Callable[..., Experiment], arguments: dict[str, Any], precision: str | None = None) -> Experiment:
    """Calls an `experiment` function.

    Args:
      function: The function.
      arguments: Its arguments by name.
      precision: The networks' type of computation, a key of PRECISIONS; by default the experiment's own.

    Raises:
      ValueError: The function doesn't take these arguments, or doesn't return an `Experiment`.
    """
    try:
        inspect.signature(function).bind(**arguments)
    except TypeError as error:
        raise UserError(f"the arguments in config.json don't fit the run's experiment.py: {error}") from error
    built = function(**arguments)
    if not isinstance(built, Experiment):
        raise UserError(f"`experiment` returns {type(built).__name__}: it must return an Experiment")
    return built if precision is None else dataclasses.replace(built, dtype=PRECISIONS[precision])
