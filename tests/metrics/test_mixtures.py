"""Mixtures in the plane, and exact transport."""

import jax
import numpy as np
import pytest

from gan_jax.data.packaged import points2d
from gan_jax.metrics.mixtures import mixture, wasserstein

CENTRES = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])


def test_a_mode_needs_a_sample_of_high_quality_and_the_kl_takes_them_all():
    found = mixture(np.array([[0.1, 0], [0, 2.9], [0, 3.1], [9.0, 5.1]]), CENTRES, 1.0)
    assert (found.covered, found.high_quality) == (1, 0.5)
    assert (found.modes.covered, found.modes.n) == (2, 4)  # each sample counts with its nearest centre
    assert found.modes.kl == pytest.approx(0.75 * np.log(3))


def test_real_samples_of_25_gaussians_cover_them_all_and_99_percent_are_of_high_quality():
    x = next(points2d.gaussians25().stream(jax.random.key(0), 0, 20_000)).x
    found = mixture(x, points2d.CENTRES_25, points2d.SIGMA_25)
    assert found.covered == 25
    assert found.high_quality == pytest.approx(1 - np.exp(-4.5), abs=2e-3)  # Rayleigh, within three deviations
    assert found.modes.kl == pytest.approx(found.modes.floor, abs=1e-3)


def test_wasserstein_of_a_shift_is_its_length_and_in_one_dimension_that_of_sorted_samples():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 60, 1))
    assert wasserstein(x, y) == pytest.approx(np.abs(np.sort(x, 0) - np.sort(y, 0)).mean())
    points = rng.normal(size=(60, 2))
    assert wasserstein(points, rng.permutation(points) + np.array([3, 4])) == pytest.approx(5)


def test_what_cannot_be_measured_is_named():
    with pytest.raises(FloatingPointError, match="samples hold NaN or infinity"):
        mixture(np.array([[0, np.nan]]), CENTRES, 1.0)
    with pytest.raises(ValueError, match=r"not \[3, 1\], \[4, 2\]"):
        mixture(np.ones((3, 1)), CENTRES, 1.0)
    with pytest.raises(ValueError, match=r"not \[3, 2\] and \[4, 2\]"):
        wasserstein(np.ones((3, 2)), np.ones((4, 2)))
