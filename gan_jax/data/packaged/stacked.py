"""Stacked digits: three random digits as the channels of one image, so that there are 1,000 modes to cover."""

import jax
import jax.numpy as jnp

from gan_jax.data.memory import blank, remembered
from gan_jax.data.packaged.digits import CLASSES, HELD_OUT, LICENCE, OF_EACH, SHAPE, load
from gan_jax.data.source import Source, endless, image_example, to_float
from gan_jax.types import Array


@remembered(Source)
def stacked_digits() -> Source:
    """Draw images [28, 28, 3] in [-1, 1] endlessly from the 4,000 training digits; all 1,000 modes are equally likely.

    Metz et al. 2017, section 3.3.1, with MNIST's 60,000 digits.
    """
    height, width, _ = SHAPE
    if source := blank(image_example((height, width, 3), labelled=False)):
        return source
    images, _ = load()
    training = images.reshape(CLASSES, OF_EACH, height, width)[:, : OF_EACH - HELD_OUT]
    digits = jnp.asarray(training.reshape(-1, height, width))

    def draw(key: Array) -> Array:
        return to_float(jnp.moveaxis(digits[jax.random.randint(key, (3,), 0, len(digits))], 0, -1))

    return endless("stacked digits", draw)._replace(licence=LICENCE)
