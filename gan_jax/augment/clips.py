"""Transforms of clips [B, frames, height, width, channels]."""

import functools

import jax
import jax.numpy as jnp

from gan_jax.augment.algebra import Action, Transform, per_example
from gan_jax.types import Array

CLIPS = "clips [B, frames, height, width, channels]"


@functools.cache
def of_frames(action: Action) -> Action:
    """The action of images on every frame."""
    return Action(
        CLIPS,
        5,
        lambda shape: action.identity(shape[1:]),
        action.compose,
        jax.vmap(action.apply, in_axes=(None, 1), out_axes=1),
    )


def frames(transform: Transform) -> Transform:
    """Transform all frames of a clip alike.

    Args:
      transform: A transform of images. Noise is the same in all frames too.
    """
    return Transform(
        f"clips.frames({transform.name})",
        of_frames(transform.action),
        transform.draws,
        lambda numbers, shape, step: transform.draw(numbers, shape[1:], step),
    )


def backwards(chosen: Array, x: Array) -> Array:
    """Reverses the time of the chosen examples."""
    return jnp.where(per_example(chosen, x), jnp.flip(x, 1), x)


TIME = Action(CLIPS, 5, lambda shape: jnp.zeros((), bool), jnp.logical_xor, backwards)


def reverse() -> Transform:
    """Play backwards with probability 1/2."""
    return Transform("clips.reverse", TIME, 1, lambda numbers, shape, step: numbers[0] < 0.5)
