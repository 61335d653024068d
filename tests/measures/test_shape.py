"""Measures of shapes: what they say of copies, of other shapes and of a collapsed generator."""

import numpy as np
import pytest

from gan_jax import measures

MEASURE = measures.shapes()


def boxes(count: int, seed: int) -> np.ndarray:
    corners = np.random.default_rng(seed).integers(1, 8, (count, 3))
    samples = -np.ones((count, 8, 8, 8, 1), np.float32)
    for sample, (x, y, z) in zip(samples, corners):
        sample[:x, :y, :z] = 1
    return samples


def figures(real, fake):
    return MEASURE.compare(*(MEASURE.summarise(np.array_split(samples, 3)) for samples in (real, fake)))


def test_samples_of_the_same_boxes_are_near_and_hard_to_tell_apart():
    found = figures(boxes(100, 0), boxes(100, 1))
    assert found["coverage"] > 0.4
    assert found["one_nearest_neighbour"] == pytest.approx(0.5, abs=0.15)
    assert not MEASURE.collapsed(found)


def test_a_generator_of_one_shape_has_collapsed():
    found = figures(boxes(100, 0), np.repeat(boxes(1, 1), 50, 0))
    assert found["coverage"] == 1 / 50
    assert MEASURE.collapsed(found)


def test_as_many_are_compared_as_there_are_of_both():
    few, many = boxes(20, 0), boxes(100, 0)
    assert figures(few, many) == figures(many, few) == figures(few, few)
    assert figures(few, few)["coverage"] > 0.9  # two may be alike


def test_half_full_voxels_count_by_their_side_of_zero():
    real = boxes(10, 0)
    assert figures(real, real * 0.1) == figures(real, real)
    assert figures(real, real)["minimum_matching_distance"] == 0


def test_distances_of_what_it_looks_at_are_the_voxels_that_differ():
    x, y = MEASURE.look(boxes(2, 0))
    assert np.sum((x - y) ** 2) == np.sum(boxes(2, 0)[0] != boxes(2, 0)[1])


def test_the_best_figure_is_among_those_that_are_better_low_and_the_accuracy_is_neither():
    found = figures(boxes(20, 0), boxes(20, 1))
    assert MEASURE.better[MEASURE.best] == "lower"
    assert found.keys() - MEASURE.better.keys() == {"one_nearest_neighbour"}
