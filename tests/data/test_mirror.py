"""Mirrored examples: half of them, by keys, and only in the stream."""

import numpy as np
from source_properties import check_resumes, check_shapes, take

from gan_jax.data.packaged.digits import digits
from gan_jax.data.source import on_device
from gan_jax.data.transforms import mirror

RAMP = np.array([0, 255], np.uint8).reshape(2, 1, 1) * np.ones((1, 2, 1), np.uint8)
RAMPS = np.stack([RAMP] * 40)


def test_it_is_a_source():
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


def test_its_splits_are_as_they_were():
    source = digits()
    assert mirror(source, 1).split is source.split
