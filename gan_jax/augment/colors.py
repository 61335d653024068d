"""Colour transforms of images [B, height, width, channels], with StyleGAN2-ADA's distributions (Karras 2020).

Neighbours fuse into one affine map of red, green and blue. A grey image goes through it as three equal channels and
comes back as their mean, so that `hue` and `saturation` leave it alone and `luma_flip` turns it into its negative.
"""

import math

import jax.numpy as jnp
import numpy as np

from gan_jax.augment.algebra import Action, Shape, Transform, normal, symmetric
from gan_jax.augment.geometry import IMAGES
from gan_jax.errors import UserError
from gan_jax.types import Array


def identity(shape: Shape) -> Array:
    """The identity."""
    if shape[-1] not in (1, 3):
        raise UserError(f"colour transforms need 1 channel (grey) or 3 (RGB), the images have {shape[-1]}")
    return jnp.eye(4)


def compose(first: Array, second: Array) -> Array:
    """The product of two maps."""
    return jnp.sum(second[:, :, None] * first[None, :, :], axis=1)  # a GPU's matrix product would round it


def recolor(matrices: Array, x: Array) -> Array:
    """Maps the colours of images [B, height, width, 1 or 3] by matrices [B, 4, 4] on (red, green, blue, 1)."""
    linear, offset = matrices[:, None, None, :3, :3], matrices[:, None, None, :3, 3]
    if x.shape[-1] == 1:
        return x * jnp.sum(jnp.mean(linear, axis=3), axis=3, keepdims=True) + jnp.mean(offset, axis=3, keepdims=True)
    return jnp.sum(linear * x[:, :, :, None, :], axis=4) + offset


def of_rgb(rows: np.ndarray) -> np.ndarray:
    """A matrix [3, 3] as one on (red, green, blue, 1)."""
    return np.pad(rows, (0, 1)).astype(np.float32)


LUMA = of_rgb(np.full((3, 3), 1 / 3))  # the projection onto the grey axis
AROUND = of_rgb(np.eye(3)) - LUMA  # the projection onto the plane around it
CROSS = of_rgb(np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / math.sqrt(3))  # the cross product with it
CORNER = np.diag([0, 0, 0, 1]).astype(np.float32)
COLORS = Action(IMAGES, 4, identity, compose, recolor)


def brightness(std: float = 0.2) -> Transform:
    """Add N(0, std²)."""
    return Transform("brightness", COLORS, 1, lambda numbers, shape, step: added(std * normal(numbers[0])))


def contrast(std: float = 0.5) -> Transform:
    """Multiply by 2^N(0, std²)."""
    return Transform("contrast", COLORS, 1, lambda numbers, shape, step: multiplied(jnp.exp2(std * normal(numbers[0]))))


def luma_flip() -> Transform:
    """Reverse light and dark with probability 1/2, and keep the hue."""

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        return jnp.eye(4) - 2 * (numbers[0] < 0.5) * LUMA

    return Transform("luma_flip", COLORS, 1, draw)


def hue(turns: float = 1.0) -> Transform:
    """Turn colours about the grey axis by an angle, uniform from -turns/2 to turns/2 of a full turn."""

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        if shape[-1] == 1:
            return identity(shape)
        angle = math.pi * turns * symmetric(numbers[0])
        return turned(angle)

    return Transform("hue", COLORS, 1, draw)


def saturation(std: float = 1.0) -> Transform:
    """Multiply the distance from the grey axis by 2^N(0, std²)."""

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        return identity(shape) if shape[-1] == 1 else saturated(jnp.exp2(std * normal(numbers[0])))

    return Transform("saturation", COLORS, 1, draw)


def added(value: Array) -> Array:
    """The map that adds to all channels."""
    return jnp.eye(4) + value * np.array([[0, 0, 0, 1]] * 3 + [[0] * 4], np.float32)


def multiplied(factor: Array) -> Array:
    """The map that multiplies all channels."""
    return factor * of_rgb(np.eye(3)) + CORNER


def turned(angle: Array) -> Array:
    """The rotation about the grey axis (Rodrigues' formula)."""
    return LUMA + jnp.cos(angle) * AROUND + jnp.sin(angle) * CROSS + CORNER


def saturated(factor: Array) -> Array:
    """The map that multiplies the distance from the grey axis."""
    return LUMA + factor * AROUND + CORNER
