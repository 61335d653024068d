"""The values of the page's controls, in the order in which the page passes them, and whether they are numbers."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from gan_jax.errors import UserError

MOST = 16  # directions with a slider
STILL = (0.0,) * MOST
MOST_STOPS, MOST_FRAMES = 8, 32  # of a walk


class Inputs(NamedTuple):
    """The controls, or their values, in the order in which the page passes them.

    Attributes:
      seed: The seed.
      number: The sample of that seed.
      condition: The number of a condition; -1: that of the sample's number.
      truncation: Of styles psi; of z the largest entry, or 0 for none.
      latent: A loaded latent, or None.
      other_seed: The seed of the sample to mix in.
      other_number: Its number.
      share: How much of it is mixed in.
      layer: The first layer that gets its styles.
      method: How the directions were found.
      amounts: The sliders of directions, in standard deviations.
    """

    seed: Any
    number: Any
    condition: Any
    truncation: Any
    latent: Any
    other_seed: Any
    other_number: Any
    share: Any
    layer: Any
    method: Any
    amounts: Any

    @property
    def flat(self) -> list[Any]:
        return [*self[:-1], *self.amounts]


def inputs_of(values: Sequence[Any]) -> Inputs:
    """`Inputs.flat` undone."""
    count = len(Inputs._fields) - 1
    return Inputs._make([*values[:count], tuple(values[count:])])


def as_number(value: Any, name: str) -> float:
    """A control's value; raises UserError unless it is a number."""
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise UserError(f"{name}: give a number")
    return value


def as_whole(value: Any, name: str) -> int:
    """A control's value; raises UserError unless it is a whole number."""
    if as_number(value, name) != int(value):
        raise UserError(f"{name} {value}: give a whole number")
    return int(value)
