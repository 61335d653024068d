"""The pattern of every other pixel in the samples of a generator that has learnt nothing yet."""

import jax
import numpy as np
import pytest

from gan_jax.nets import radford
from gan_jax.types import Mode


def share_at_the_highest_frequency(images):
    """Of the variance along rows: that of pixels that alternate."""
    spectrum = np.abs(np.fft.rfft(images - images.mean((1, 2), keepdims=True), axis=2)) ** 2
    spectrum[:, :, 1:-1] *= 2
    return spectrum[:, :, -1].sum() / spectrum.sum()


@pytest.mark.parametrize(("taps", "low", "high"), [((1.0,), 0.1, 1.0), ((1, 2, 1), 0.0, 5e-3)])
def test_a_filter_after_each_transposed_convolution_removes_the_checkerboard(taps, low, high):
    network = radford.generator(width=8, shape=(32, 32, 3), taps=taps)
    z = jax.random.normal(jax.random.key(0), (8, 16))
    images, _ = network.apply(*network.init(jax.random.key(1), z, None), z, None, Mode(train=True))
    assert low < share_at_the_highest_frequency(np.asarray(images)) < high
