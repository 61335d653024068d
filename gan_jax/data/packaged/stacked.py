"""Stacked digits: three random digits as the channels of one image, so that there are 1,000 modes to be covered."""

import jax
import jax.numpy as jnp

from gan_jax.data.packaged.digits import HELD_OUT, load
from gan_jax.data.source import Source, endless, to_float
from gan_jax.types import Array


def stacked_digits() -> Source:
    """Images [28, 28, 3], drawn without end from the 4,000 training digits, each of 1,000 modes equally likely.

    Metz et al. 2017, section 3.3.1, with MNIST's 60,000.
    """
    images, _ = load()
    digits = jnp.asarray(images.reshape(10, 500, 28, 28)[:, : 500 - HELD_OUT].reshape(-1, 28, 28))

    def draw(key: Array) -> Array:
        return to_float(jnp.moveaxis(digits[jax.random.randint(key, (3,), 0, len(digits))], 0, -1))

    return endless("stacked digits", draw)
