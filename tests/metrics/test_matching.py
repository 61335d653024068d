"""Coverage, minimum matching distance and one nearest neighbour, on the line."""

import numpy as np
import pytest

from gan_jax.metrics.matching import matching, one_nearest_neighbour


def apart(x, y):
    return np.abs(np.subtract.outer(np.asarray(x, float), np.asarray(y, float)))


def accuracy(x, y):
    return one_nearest_neighbour(apart(x, x), apart(x, y), apart(y, y))


def test_one_of_four_is_covered_by_samples_about_it():
    found = matching(apart([0, 10, 20, 30], [1, -1, 2, 1]))
    assert found.coverage == 1 / 4
    assert found.minimum_matching_distance == (1 + 8 + 18 + 28) / 4


def test_copies_cover_all_at_no_distance_and_are_never_told_apart_from_their_originals():
    points = [0, 3, 7, 20]
    assert matching(apart(points, points)) == (1, 0)
    assert accuracy(points, points) == 0


def test_groups_far_apart_are_always_told_apart():
    assert accuracy([0, 1, 2], [100, 101, 102]) == 1


def test_samples_of_one_distribution_are_told_apart_half_of_the_time():
    x, y = np.random.default_rng(0).random((2, 1000))
    assert accuracy(x, y) == pytest.approx(0.5, abs=0.05)


def test_of_neighbours_equally_near_each_counts_for_its_part():
    """Real ones at 0 and 2 and fake ones at 1 and 3: 0 and 3 have one neighbour, of the other set; 1 and 2 have two."""
    assert accuracy([0, 2], [1, 3]) == 0
    assert accuracy([0, 0], [0, 0]) == pytest.approx(1 / 3)  # of three others at the same place one is of its own
    assert accuracy([0, 1, 2], [10, 1, 11]) == accuracy([10, 1, 11], [0, 1, 2])


def test_as_many_of_both_are_asked_for():
    with pytest.raises(ValueError, match="as many"):
        accuracy([0, 1], [0, 1, 2])
