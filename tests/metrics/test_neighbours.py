"""Nearest training examples and duplicates."""

import numpy as np
import pytest
from golden import groups
from scipy.spatial.distance import cdist

from gan_jax.metrics import distances
from gan_jax.metrics.neighbours import duplicates, nearest, nearest_distinct, nearest_other

TRAINING = np.array([[0, 0], [1, 0], [5, 5], [1, 0.5]], np.float32)


def test_nearest_are_the_training_examples_in_order_with_their_distances():
    which, apart = nearest(np.array([[1, 0], [5, 4]], np.float32), TRAINING, k=2)
    assert which.tolist() == [[1, 3], [2, 3]]
    np.testing.assert_allclose(apart, [[0, 0.5], [1, np.hypot(4, 3.5)]], rtol=1e-6)


def test_a_copy_is_at_no_distance_however_far_from_the_origin():
    training = np.random.default_rng(0).normal(size=(50, 300)).astype(np.float32) + 1000
    which, apart = nearest(training[::-1], training)
    assert which[:, 0].tolist() == list(range(49, -1, -1))
    assert (apart == 0).all()


def test_neighbours_in_tight_groups_far_apart_are_those_of_distances_taken_one_by_one_in_float64():
    real, fake = groups(1), groups(2)
    which, apart = nearest(fake, real, k=3)
    expected = np.sort(cdist(fake, real), 1)[:, :3]
    np.testing.assert_allclose(apart, expected, rtol=1e-3)
    np.testing.assert_allclose(apart, np.take_along_axis(cdist(fake, real), which, 1), rtol=1e-6)
    np.testing.assert_allclose(nearest_other(real), np.sort(cdist(real, real), 1)[:, 1], rtol=1e-3)
    assert duplicates(real, np.median(np.sort(cdist(real, real), 1)[:, 1])) == pytest.approx(0.5, abs=0.002)


def test_pixels_of_8_bits_do_not_wrap_around():
    assert nearest(np.array([[1]], np.uint8), np.array([[3]], np.uint8))[1] == 2


def test_duplicates_are_the_samples_with_another_one_near():
    assert duplicates(TRAINING, 0.4) == 0
    assert duplicates(TRAINING, 0.5) == 0.5
    assert duplicates(TRAINING, 1.0) == 0.75
    assert duplicates(np.repeat(TRAINING, 2, axis=0), 0.0) == 1


@pytest.mark.parametrize("held", [1, 20_000_000])
def test_the_nearest_one_that_is_no_copy_is_found_among_copies(held, monkeypatch):
    monkeypatch.setattr(distances, "HELD", held)
    x = np.random.default_rng(0).normal(size=(10, 60)).astype(np.float32) + 9
    copies = np.tile(x, (3, 1))
    assert (nearest_other(copies) == 0).all()
    np.testing.assert_allclose(nearest_distinct(copies), np.tile(nearest_other(x), 3), rtol=1e-6)
    np.testing.assert_allclose(nearest_distinct(copies, number=4), nearest_other(x)[:4], rtol=1e-6)
    assert (nearest_distinct(np.tile(x[:1], (5, 1))) == 0).all()


def test_what_has_no_neighbour_is_named():
    with pytest.raises(ValueError, match="k 5: it must be from 1 to 4, the number of training"):
        nearest(TRAINING, TRAINING, k=5)
    with pytest.raises(ValueError, match="among 1 samples"):
        duplicates(TRAINING[:1], 1.0)
    with pytest.raises(ValueError, match=r"not \[4, 2\] and \[4, 1\]"):
        nearest(TRAINING, TRAINING[:, :1])
