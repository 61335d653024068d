"""The distributions of the generator's input: functions from one PRNG key to one latent example."""

import jax

from gan_jax.types import Prior


def normal(size: int) -> Prior:
    """Draws z ~ N(0, 1), [size].

    Args:
      size: The dimensions of a latent example.
    """
    return lambda key: jax.random.normal(key, (size,))


def uniform(size: int) -> Prior:
    """Draws z ~ U(-1, 1), [size].

    Args:
      size: The dimensions of a latent example.
    """
    return lambda key: jax.random.uniform(key, (size,), minval=-1.0, maxval=1.0)
