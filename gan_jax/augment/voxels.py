"""Transforms of voxels [B, x, y, z, channels], where x points right, y up and z to the front, as `data.furniture` has.

All are exact: they only move whole voxels.
"""

import jax
import jax.numpy as jnp

from gan_jax.augment.algebra import Action, Shape, Transform, per_example
from gan_jax.errors import UserError
from gan_jax.types import Array

VOXELS = "voxels [B, x, y, z, channels]"


def mirrored(chosen: Array, x: Array) -> Array:
    """Mirrors the chosen examples left to right."""
    return jnp.where(per_example(chosen, x), jnp.flip(x, 1), x)


def turned(turns: Array, x: Array) -> Array:
    """Turns examples about the vertical axis by numbers of quarter turns [B]."""
    about = [jnp.rot90(x, k, axes=(1, 3)) for k in range(4)]
    return jax.lax.select_n(jnp.broadcast_to(per_example(turns, x), x.shape), *about)


FLIP = Action(VOXELS, 5, lambda shape: jnp.zeros((), bool), jnp.logical_xor, mirrored)
TURN = Action(VOXELS, 5, lambda shape: jnp.zeros((), jnp.int32), lambda a, b: (a + b) % 4, turned)


def flip() -> Transform:
    """Mirror left to right with probability 1/2."""
    return Transform("voxels.flip", FLIP, 1, lambda numbers, shape, step: numbers[0] < 0.5)


def rotate90() -> Transform:
    """Turn about the vertical axis by 0, 1, 2 or 3 quarter turns, equally likely."""

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        if shape[0] != shape[2]:
            raise UserError(f"voxels.rotate90 can't turn {shape[0]}x{shape[2]} floors: both sides must be equal")
        return jnp.floor(4 * numbers[0]).astype(jnp.int32)

    return Transform("voxels.rotate90", TURN, 1, draw)
