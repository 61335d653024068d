"""Schedules of the step, for learning rates, decays, weights and probabilities alike: optax's, and these two."""

import jax.numpy as jnp
import optax

from gan_jax.errors import UserError
from gan_jax.types import Array


def cosine(start: float, end: float, steps: int) -> optax.Schedule:
    """From `start` to `end` along half a cosine, in either direction, and `end` from then on. Loshchilov 2017.

    Args:
      start: The value at step 0.
      end: The value from step `steps` on.
      steps: The updates between them; those of an optimiser count its own turns.
    """
    left = optax.cosine_decay_schedule(1.0, max(steps, 1))
    return lambda step: end + (start - end) * left(step)


def half_life(updates: float | optax.Schedule) -> optax.Schedule:
    """The decay of a moving average, such as `ema_decay`, by the updates after which a value counts half.

    Args:
      updates: A number or a schedule; at 0 the average is the newest value.

    Raises:
      ValueError: The number is below 0.
    """
    if not callable(updates) and updates < 0:
        raise UserError(f"a half-life of {updates} updates: it must be 0 or more")

    def decay(step: Array) -> Array:
        return 0.5 ** (1 / jnp.asarray(updates(step) if callable(updates) else updates, jnp.float32))

    return decay
