"""Noise and missing parts in images [B, height, width, channels], with StyleGAN2-ADA's distributions (Karras 2020)."""

import jax
import jax.numpy as jnp

from gan_jax.augment.algebra import Action, Shape, Transform, normal
from gan_jax.augment.geometry import IMAGES
from gan_jax.types import Array

NOISE = Action(IMAGES, 4, jnp.zeros, jnp.add, lambda noise, x: x + noise.astype(x.dtype))
GREY = 0.0


def keep(kept: Array, x: Array) -> Array:
    """Makes grey all pixels but those kept [B, height, width]."""
    return jnp.where(kept[..., None], x, GREY)


KEPT = Action(IMAGES, 4, lambda shape: jnp.ones(shape[:2], bool), jnp.logical_and, keep)


def noise(std: float = 0.1) -> Transform:
    """Add normal noise to every value. Its strength is the size of a draw from N(0, std²) for each image."""

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        seeds = jnp.floor(numbers[1:] * 2**23).astype(jnp.uint32)
        key = jax.random.fold_in(jax.random.key(seeds[0]), seeds[1])
        return std * normal(numbers[0]) * jax.random.normal(key, shape)

    return Transform("noise", NOISE, 3, draw)


def cutout(size: float = 0.5) -> Transform:
    """Make a rectangle grey (0), whose centre lies anywhere in the image.

    Args:
      size: Its sides relative to the image's.
    """

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        height, width = shape[:2]
        centre = numbers
        rows = jnp.abs((jnp.arange(height) + 0.5) / height - centre[0]) < size / 2
        columns = jnp.abs((jnp.arange(width) + 0.5) / width - centre[1]) < size / 2
        return ~(rows[:, None] & columns[None, :])

    return Transform("cutout", KEPT, 2, draw)
