"""Intersection over union: closed forms and the axioms of a metric."""

import numpy as np
import pytest

from gan_jax.metrics.overlap import jaccard_distances


def test_boxes_that_share_a_third_of_their_union_are_two_thirds_apart():
    x = np.array([[1, 1, 0, 0], [0, 0, 0, 0]], bool)
    y = np.array([[0, 1, 1, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 0, 0]], bool)
    np.testing.assert_allclose(jaccard_distances(x, y), [[2 / 3, 0, 1, 1], [1, 1, 1, 0]])


def test_it_is_a_metric():
    x = np.random.default_rng(0).random((20, 30)) < 0.3
    apart = jaccard_distances(x, x)
    np.testing.assert_array_equal(apart, apart.T)
    assert not apart.diagonal().any()
    assert (apart[:, None, :] <= apart[:, :, None] + apart[None] + 1e-12).all()


def test_it_is_scipys():
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(1)
    x, y = rng.random((7, 50)) < 0.5, rng.random((9, 50)) < 0.2
    np.testing.assert_allclose(jaccard_distances(x, y), cdist(x, y, "jaccard"))


def test_sets_of_different_elements_are_refused():
    with pytest.raises(ValueError, match=r"not \[2, 3\] and \[2, 4\]"):
        jaccard_distances(np.zeros((2, 3), bool), np.zeros((2, 4), bool))
