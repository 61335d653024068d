import functools

import numpy as np
import pytest
from source_properties import check_resumes, check_shapes, take

from gan_jax.data.packaged.points2d import CENTRES_8, CENTRES_25, SIGMA_8, SIGMA_25, gaussians8, gaussians25, swiss_roll

ALL = pytest.mark.parametrize("make", [gaussians8, gaussians25, swiss_roll])


@functools.cache
def points(make) -> np.ndarray:
    (batch,) = take(make(), 1, batch_size=20000)
    return np.asarray(batch.x.reshape(-1, 2))


@ALL
def test_points_are_endless_and_have_no_labels(make):
    source = make()
    assert (source.size, source.classes) == (None, 0)
    check_shapes(source)


@ALL
def test_a_resumed_stream_sees_the_same_points(make):
    check_resumes(make())


@ALL
def test_no_point_comes_twice(make):
    assert len(np.unique(points(make), axis=0)) == 20000


@pytest.mark.parametrize(
    ("make", "centres", "sigma"),
    [(gaussians8, CENTRES_8, SIGMA_8), (gaussians25, CENTRES_25, SIGMA_25)],
)
def test_points_lie_about_the_centres_equally_often(make, centres, sigma):
    x = points(make)
    distances = np.linalg.norm(x[:, None] - centres, axis=-1)
    share = np.bincount(distances.argmin(1), minlength=len(centres)) / len(x)
    np.testing.assert_allclose(share, 1 / len(centres), rtol=0.15)
    # the mean square distance of a 2-D normal from its centre is 2 σ²
    np.testing.assert_allclose((distances.min(1) ** 2).mean(), 2 * sigma**2, rtol=0.03)


def test_centres_are_those_of_gan_toy():
    # Gulrajani et al. 2017, gan_toy.py
    np.testing.assert_allclose(np.linalg.norm(CENTRES_8, axis=1), 2 / 1.414)
    assert CENTRES_25.shape == (25, 2)
    np.testing.assert_allclose(np.unique(CENTRES_25), np.array([-4, -2, 0, 2, 4]) / 2.828)


def test_the_swiss_roll_is_a_spiral_of_one_turn_and_a_half():
    x = points(swiss_roll) * 7.5
    radius = np.linalg.norm(x, axis=1)
    # on the spiral the angle is the radius, so this is an integer
    turns = (radius - np.arctan2(x[:, 1], x[:, 0])) / (2 * np.pi)
    off = (turns - np.round(turns)) * 2 * np.pi
    np.testing.assert_allclose(off.std(), 0.25, rtol=0.1)
    np.testing.assert_allclose([radius.min(), radius.max()], [1.5 * np.pi, 4.5 * np.pi], atol=1)
