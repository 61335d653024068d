"""The sides and types of a network whose stages each have images twice as large as those of the stage before."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from gan_jax.errors import UserError


def base_of(shape: Sequence[int], stages: int) -> tuple[int, int]:
    """The height and width of the first stage's images.

    Args:
      shape: (height, width, channels) of the last stage's.
      stages: Their number.

    Raises:
      ValueError: The sides can't be halved once for every stage but the first.
    """
    times = 2 ** (stages - 1)
    if len(shape) != 3 or shape[0] % times or shape[1] % times:
        raise UserError(
            f"shape {tuple(shape)}: want (height, width, channels), sides multiples of {times} for {stages} stages"
        )
    return shape[0] // times, shape[1] // times


def sides_of(side: int) -> list[int]:
    """The sides of all stages, the smallest first, which is 3, 4, 5 or 7.

    Args:
      side: That of the largest image.

    Raises:
      ValueError: The side isn't a power of 2 times 3, 4, 5 or 7.
    """
    sides = [side]
    while sides[0] % 2 == 0 and sides[0] > 4:
        sides.insert(0, sides[0] // 2)
    if sides[0] not in (3, 4, 5, 7):
        raise UserError(f"side {side}: it must be a power of 2 times 3, 4, 5 or 7, such as 32, 48, 64, 80 or 96")
    return sides


def dtypes_of(stages: int, bfloat16: int) -> list[Any]:
    """The type in which each stage computes: None (its parameters' type) in the first, bfloat16 in the last.

    Args:
      stages: Their number.
      bfloat16: How many compute in bfloat16.

    Raises:
      ValueError: There aren't so many stages.
    """
    if not 0 <= bfloat16 <= stages:
        raise UserError(f"bfloat16 {bfloat16}: want a number of stages, from 0 to {stages}")
    return [None] * (stages - bfloat16) + [jnp.bfloat16] * bfloat16
