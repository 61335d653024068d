"""What the generator draws from: functions of one PRNG key, giving one latent example."""

import jax

from gan_jax.types import Prior


def normal(size: int) -> Prior:
    """z ~ N(0, 1), [size]."""
    return lambda key: jax.random.normal(key, (size,))


def uniform(size: int) -> Prior:
    """z ~ U(-1, 1), [size]."""
    return lambda key: jax.random.uniform(key, (size,), minval=-1.0, maxval=1.0)
