"""Transforms of sounds [B, samples, channels]."""

import jax
import jax.numpy as jnp

from gan_jax.augment.algebra import Action, Shape, Transform, normal, per_example
from gan_jax.types import Array

SOUNDS = "sounds [B, samples, channels]"


def amplify(factor: Array, x: Array) -> Array:
    """Multiplies examples by factors [B]."""
    return x * per_example(factor, x).astype(x.dtype)


def delay(samples: Array, x: Array) -> Array:
    """Moves examples later by numbers of samples [B], with silence before and after."""
    places = jnp.arange(x.shape[1])[None, :] - samples[:, None]
    within = (places >= 0) & (places < x.shape[1])
    moved = jax.vmap(lambda sound, at: sound[at])(x, jnp.clip(places, 0, x.shape[1] - 1))
    return jnp.where(within[..., None], moved, 0)


GAIN = Action(SOUNDS, 3, lambda shape: jnp.ones(()), jnp.multiply, amplify)
DELAY = Action(SOUNDS, 3, lambda shape: jnp.zeros((), jnp.int32), jnp.add, delay)


def gain(std: float = 0.5) -> Transform:
    """Multiply by 2^N(0, std²). Half an octave is 3 dB."""
    return Transform("sounds.gain", GAIN, 1, lambda numbers, shape, step: jnp.exp2(std * normal(numbers[0])))


def polarity() -> Transform:
    """Reverse the sign with probability 1/2."""

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        return 1 - 2 * (numbers[0] < 0.5).astype(jnp.float32)

    return Transform("sounds.polarity", GAIN, 1, draw)


def shift(ratio: float = 0.125) -> Transform:
    """Move by whole samples, uniformly up to a share of the length either way. Silence comes in."""

    def draw(numbers: Array, shape: Shape, step: Array) -> Array:
        most = round(ratio * shape[0])
        return jnp.floor((2 * most + 1) * numbers[0]).astype(jnp.int32) - most

    return Transform("sounds.shift", DELAY, 1, draw)
