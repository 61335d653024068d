"""Half of the examples are mirrored, by keys and in the stream alone; noise fills a level, and is new at each step."""

import jax
import numpy as np
import pytest
from source_properties import check_places, check_resumes, check_shapes, take

from gan_jax.data.packaged.digits import digits
from gan_jax.data.source import on_device
from gan_jax.data.transforms import dequantize, mirror

RAMP = np.array([0, 255], np.uint8).reshape(2, 1, 1) * np.ones((1, 2, 1), np.uint8)
RAMPS = np.stack([RAMP] * 40)
PIXELS = np.arange(256, dtype=np.uint8).reshape(4, 8, 8, 1)


def test_a_mirrored_source_is_a_source():
    source = mirror(on_device(RAMPS), 0)
    check_shapes(source)
    check_resumes(source)


def test_half_of_the_examples_are_mirrored_along_that_axis_alone():
    (batch,) = take(mirror(on_device(RAMPS), 0), 1, batch_size=1000)
    ramp, x = 2.0 * (RAMP > 0) - 1, np.asarray(batch.x)
    falls = x[:, 0, 0, 0] == 1
    assert 0.45 < falls.mean() < 0.55
    assert (x[~falls] == ramp).all()
    assert (x[falls] == ramp[::-1]).all()
    (batch,) = take(mirror(on_device(RAMPS), 1), 1)
    assert (np.asarray(batch.x) == ramp).all()


def test_splits_of_a_mirrored_source_are_as_they_were():
    source = digits()
    assert mirror(source, 1).split is source.split


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


def test_the_parts_of_a_mirrored_source_are_as_they_were():
    source = on_device(np.zeros((4, 2, 2, 1), np.uint8))
    assert mirror(source, 1).split("train") is source
    with pytest.raises(ValueError, match="no split 'test'"):
        mirror(source, 1).split("test")
