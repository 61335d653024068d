"""Transforms of voxels, sounds and clips against NumPy."""

import numpy as np
import pytest
from augmentations import TRANSFORMS, applied, drawn, examples, fixed, kind_of
from scipy.special import ndtri

from gan_jax import augment
from gan_jax.augment.algebra import chain
from gan_jax.errors import UserError

EXACT = ["voxels.flip", "voxels.rotate90", "clips.reverse", "sounds.polarity"]


def test_voxels_are_mirrored_left_to_right():
    x = examples(2, (4, 3, 4, 1))
    np.testing.assert_array_equal(applied(fixed(augment.voxels.flip(), 0.2), x), x[:, ::-1])
    np.testing.assert_array_equal(applied(fixed(augment.voxels.flip(), 0.8), x), x)


@pytest.mark.parametrize("turns", range(4))
def test_voxels_are_turned_about_the_vertical_axis(turns):
    x = np.asarray(examples(2, (4, 3, 4, 1)))
    seen = applied(fixed(augment.voxels.rotate90(), turns / 4), x)
    np.testing.assert_array_equal(seen, np.rot90(x, turns, (1, 3)))
    np.testing.assert_array_equal(np.sort(seen, axis=None), np.sort(x, axis=None))
    for height in range(3):  # each floor stays at its height
        np.testing.assert_array_equal(np.sort(seen[:, :, height], None), np.sort(x[:, :, height], None))


def test_voxels_on_a_floor_that_is_not_square_are_refused():
    with pytest.raises(UserError, match=r"voxels.rotate90 can't turn 4x2 floors: both sides must be equal"):
        applied(augment.voxels.rotate90(), examples(2, (4, 3, 2, 1)))


def test_gain_multiplies_and_polarity_reverses():
    x = examples(2, (16, 2))
    np.testing.assert_allclose(applied(fixed(augment.sounds.gain(), 0.8), x), x * 2 ** (0.5 * ndtri(0.8)), rtol=1e-5)
    np.testing.assert_array_equal(applied(fixed(augment.sounds.polarity(), 0.2), x), -x)
    np.testing.assert_array_equal(applied(fixed(augment.sounds.polarity(), 0.8), x), x)
    assert np.std(np.log2(drawn(augment.sounds.gain(), (16, 1)))) == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("samples", range(-2, 3))
def test_shift_moves_by_samples_and_brings_in_silence(samples):
    x = np.asarray(examples(2, (16, 2)))
    expected = np.zeros_like(x)
    expected[:, max(samples, 0) : 16 + min(samples, 0)] = x[:, max(-samples, 0) : 16 + min(-samples, 0)]
    np.testing.assert_array_equal(applied(fixed(augment.sounds.shift(), (samples + 2.5) / 5), x), expected)


def test_shifts_are_uniform():
    shifts, counts = np.unique(drawn(augment.sounds.shift(), (16, 1)), return_counts=True)
    assert shifts.tolist() == [-2, -1, 0, 1, 2]
    np.testing.assert_allclose(counts / counts.sum(), 0.2, atol=0.03)


def test_clips_are_played_backwards():
    x = examples(2, (3, 4, 4, 1))
    np.testing.assert_array_equal(applied(fixed(augment.clips.reverse(), 0.2), x), x[:, ::-1])
    np.testing.assert_array_equal(applied(fixed(augment.clips.reverse(), 0.8), x), x)


def test_all_frames_of_a_clip_are_transformed_as_one_image():
    image = np.asarray(examples(3, (8, 8, 3)))
    parts = [augment.rotate90(), augment.rotate(), augment.hue(), augment.noise(), augment.cutout()]
    clip = np.stack([image] * 2, axis=1)
    seen = applied(chain(*map(augment.clips.frames, parts)), clip)
    expected = applied(chain(*parts), image)
    np.testing.assert_allclose(seen, np.stack([expected] * 2, axis=1), atol=1e-5)


@pytest.mark.parametrize("name", EXACT)
def test_half_or_a_quarter_of_the_examples_stay(name):
    transform = TRANSFORMS[name]
    shape = {"voxels": (4, 4, 4, 1), "sounds": (4, 1), "clips": (2, 4, 4, 1)}[kind_of(transform)]
    stays = drawn(transform, shape) == transform.action.identity(shape)
    assert np.mean(stays) == pytest.approx(0.25 if "90" in name else 0.5, abs=0.03)
