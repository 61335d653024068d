"""The patterns that transposed convolutions leave in the samples of a generator that has learnt nothing yet."""

import jax
import numpy as np

from gan_jax.nets import radford
from gan_jax.types import Mode


def shares(taps):
    """Of the variance along rows: those of periods of two pixels and of four, the last layer's and the one's before."""
    network = radford.generator(width=8, shape=(32, 32, 3), taps=taps)
    z = jax.random.normal(jax.random.key(0), (8, 16))
    images, _ = network.apply(*network.init(jax.random.key(1), z, None), z, None, Mode(train=True))
    power = np.abs(np.fft.rfft(images - images.mean((1, 2), keepdims=True), axis=2)) ** 2
    power[:, :, 1:-1] *= 2  # of the negative frequencies too
    return power.sum((0, 1, 3))[[16, 8]] / power.sum()


def test_a_filter_after_each_transposed_convolution_removes_the_checkerboard():
    assert (shares((1.0,)) > 0.1).all()
    assert (shares((1, 2, 1)) < [0.005, 0.03]).all()
