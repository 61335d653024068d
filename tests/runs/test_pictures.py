"""The diversity of samples is the mean distance of pairs."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import euclidean

from gan_jax.runs.pictures import mean_distance


def test_diversity_is_the_mean_distance_of_pairs():
    x = np.random.default_rng(0).normal(size=(5, 2, 3))
    pairs = [euclidean(x[i].ravel(), x[j].ravel()) for i in range(5) for j in range(i)]
    assert mean_distance(x) == pytest.approx(np.mean(pairs))
    assert mean_distance(np.ones((4, 2))) == 0
    assert math.isnan(mean_distance(x[:1]))
