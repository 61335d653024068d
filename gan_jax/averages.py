"""Moving averages whose initial values have no weight: the debiased mean of Kingma & Ba 2015, section 3."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.types import Array


class Average(NamedTuple):
    """A moving average of a tree of arrays.

    Attributes:
      mean: The average, a tree; its initial values are never seen.
      values: [], the number of values so far.
    """

    mean: Any
    values: Array


def start(mean: Any) -> Average:
    """The average of no values yet.

    Args:
      mean: A tree like the values, such as one of zeros.
    """
    return Average(mean, jnp.zeros((), jnp.int32))


def follow(average: Average, value: Any, decay: float) -> Average:
    """The average with one more value.

    Args:
      average: The average so far.
      value: A tree like its mean, the same on every device if it goes into a state: use `game.mean`.
      decay: The weight of each value relative to the next, at least 0 and less than 1.
    """
    values = average.values + 1
    weight = newest(decay, values)
    return Average(jax.tree.map(lambda mean, new: mean + weight * (new - mean), average.mean, value), values)


def check_decay(decay: float, name: str = "decay") -> None:
    """Raises UserError for a decay outside [0, 1)."""
    if not 0 <= decay < 1:
        raise UserError(f"{name} {decay}: it must be 0 or more, and less than 1")


def newest(decay: float, count: Array) -> Array:
    """The weight of the newest of `count` values: (1 - decay) / (1 - decay^count).

    Args:
      decay: As in `follow`.
      count: [], 1 or more.
    """
    log_decay = math.log(max(decay, 1e-30))  # finite for a decay of 0 too
    return (1 - decay) / -jnp.expm1(count * log_decay)  # rounding would leave little of 1 - decay^count
