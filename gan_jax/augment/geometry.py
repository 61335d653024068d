"""Geometric transforms of images [B, height, width, channels], with StyleGAN2-ADA's distributions (Karras 2020).

Neighbours fuse into one warp: those that move whole pixels exactly, and those that resample. `background` is the colour
that comes into the frame from outside: a number, or one for each channel. By default the image is reflected at its
edges, as in the paper.
"""

import functools
import math
from typing import Any

import jax.numpy as jnp

from gan_jax.augment.algebra import Action, Shape, Transform, normal, symmetric
from gan_jax.augment.warp import Background, move_pixels, warp
from gan_jax.errors import UserError
from gan_jax.types import Array

IMAGES = "images [B, height, width, channels]"


def compose(first: Array, second: Array) -> Array:
    """The product of two maps from output to input, the later of which the output passes first."""
    return jnp.sum(first[:, :, None] * second[None, :, :], axis=1)  # a GPU's matrix product would round it


def identity(shape: Shape) -> Array:
    """The identity."""
    del shape
    return jnp.eye(3)


@functools.cache
def pixels(background: Background) -> Action:
    """The action of maps that take pixels to pixels, [B, 3, 3]."""
    return Action(IMAGES, 4, identity, compose, functools.partial(move_pixels, background=background))


@functools.cache
def affine(background: Background) -> Action:
    """The action of affine maps from output to input, [B, 3, 3]."""
    return Action(IMAGES, 4, identity, compose, functools.partial(warp, background=background))


def flip(background: Background = None) -> Transform:
    """Mirror left to right with probability 1/2."""

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        return stretched(1 - 2 * (numbers[0] < 0.5).astype(jnp.float32), jnp.ones(()))

    return Transform("flip", pixels(hashable(background)), 1, draw)


def rotate90(background: Background = None) -> Transform:
    """Turn by 0, 1, 2 or 3 quarter turns, equally likely. Sides must differ by an even number of pixels."""

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        if (shape[0] - shape[1]) % 2:
            raise UserError(f"rotate90 can't turn {shape[0]}x{shape[1]} images: their sides differ by an odd number")
        turns = jnp.floor(4 * numbers[0]).astype(jnp.int32)
        cosine = jnp.array([1.0, 0.0, -1.0, 0.0])[turns]
        sine = jnp.array([0.0, 1.0, 0.0, -1.0])[turns]
        return turned(cosine, sine)

    return Transform("rotate90", pixels(hashable(background)), 1, draw)


def translate(ratio: float = 0.125, background: Background = None) -> Transform:
    """Move by whole pixels, uniformly up to a share of each side."""

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        share = ratio * symmetric(numbers)
        return moved(jnp.round(share * jnp.array([shape[1], shape[0]])))

    return Transform("translate", pixels(hashable(background)), 2, draw)


def translate_subpixel(std: float = 0.125, background: Background = None) -> Transform:
    """Move by any distance, normally distributed with a share of each side as its standard deviation."""

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        return moved(std * normal(numbers) * jnp.array([shape[1], shape[0]]))

    return Transform("translate_subpixel", affine(hashable(background)), 2, draw)


def scale(std: float = 0.2, background: Background = None) -> Transform:
    """Enlarge by 2^N(0, std²)."""

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        factor = jnp.exp2(-std * normal(numbers[0]))
        return stretched(factor, factor)

    return Transform("scale", affine(hashable(background)), 1, draw)


def anisotropic(std: float = 0.2, background: Background = None) -> Transform:
    """Enlarge the width by s and the height by 1/s, where s = 2^N(0, std²)."""

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        power = std * normal(numbers[0])
        return stretched(jnp.exp2(-power), jnp.exp2(power))

    return Transform("anisotropic", affine(hashable(background)), 1, draw)


def rotate(turns: float = 1.0, background: Background = None) -> Transform:
    """Turn by an angle, uniform from -turns/2 to turns/2 of a full turn."""

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        angle = math.pi * turns * symmetric(numbers[0])
        return turned(jnp.cos(angle), jnp.sin(angle))

    return Transform("rotate", affine(hashable(background)), 1, draw)


def hashable(background: Background) -> Background:
    """The background as a key of a cache."""
    if background is None:
        return None
    if isinstance(background, int | float):
        return float(background)
    return tuple(float(value) for value in background)


def stretched(x: Array, y: Array) -> Array:
    """The matrix that multiplies coordinates."""
    return matrix([[x, 0, 0], [0, y, 0], [0, 0, 1]])


def turned(cosine: Array, sine: Array) -> Array:
    """The matrix from an output turned clockwise, as y points down, to its input."""
    return matrix([[cosine, sine, 0], [-sine, cosine, 0], [0, 0, 1]])


def moved(distance: Array) -> Array:
    """The matrix from an output moved by (x, y) pixels to its input."""
    return matrix([[1, 0, -distance[0]], [0, 1, -distance[1]], [0, 0, 1]])


def matrix(rows: list[list[Any]]) -> Array:
    """A matrix of single numbers."""
    return jnp.stack([jnp.stack([jnp.asarray(entry, jnp.float32) for entry in row]) for row in rows])
