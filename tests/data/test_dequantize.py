"""Noise of one level's width, new at each step."""

import jax
import numpy as np
from source_properties import check_places

from gan_jax.data.source import on_device
from gan_jax.data.transforms import dequantize

PIXELS = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)


def test_noise_fills_the_level_of_its_pixel_and_no_more():
    x = next(dequantize(on_device(PIXELS)).stream(jax.random.key(0), 0, 4)).x
    levels = np.sort(np.floor((np.asarray(x) + 1) * 128).ravel())
    np.testing.assert_array_equal(levels, np.arange(256))
    assert -1 <= x.min() < x.max() < 1
    fractions = np.asarray((x + 1) * 128 % 1).reshape(4, -1)
    assert all(len(np.unique(each)) > 32 for each in fractions)  # of 64: pixels of an image have noise of their own
    np.testing.assert_allclose(np.sort(fractions.ravel()), (np.arange(256) + 0.5) / 256, atol=0.12)  # uniform


def test_a_part_of_a_batch_has_the_noise_that_it_has_in_the_whole():
    check_places(dequantize(on_device(PIXELS)))


def test_noise_differs_between_steps_and_a_resumed_stream_has_the_same():
    source, key = dequantize(on_device(PIXELS)), jax.random.key(0)
    whole = source.stream(key, 0, 4)
    first, second = next(whole), next(whole)
    again = next(source.stream(key, 1, 4))
    np.testing.assert_array_equal(second.x, again.x)
    fraction = [np.sort((np.asarray(batch.x) * 128 % 1).ravel()) for batch in (first, second)]
    assert not np.allclose(*fraction)
