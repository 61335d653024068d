"""Precision, recall, density and coverage: what they must see, the block size that they mustn't, and prdc's figures."""

import numpy as np
import pytest
from golden import GOLDEN, features

from gan_jax.metrics import distances
from gan_jax.metrics.manifold import manifold, radii


@pytest.mark.parametrize("block", [97, 130, 1024])
@pytest.mark.parametrize("k", [3, 5])
def test_figures_are_prdcs_on_the_same_features_by_any_blocks(k, block, monkeypatch):
    monkeypatch.setattr(distances, "BLOCK", block)
    found = manifold(*features(), k=k)._asdict()
    assert found == pytest.approx(GOLDEN["manifold/prdc"][str(k)], rel=1e-3)


def test_real_against_itself_is_perfect_and_what_is_far_off_is_worth_nothing():
    real = features()[0]
    same = manifold(real, real, k=3)
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)
    assert manifold(real, real + 100, k=3) == (0, 0, 0, 0)


def test_a_dropped_mode_costs_recall_and_coverage_and_no_precision():
    rng = np.random.default_rng(0)
    modes = rng.normal(size=(2, 100, 4)) + np.array([0, 50])[:, None, None]
    found = manifold(modes.reshape(-1, 4), np.random.default_rng(1).normal(size=(200, 4)))
    assert found.precision > 0.9
    assert 0.4 < found.recall <= 0.5
    assert 0.35 < found.coverage <= 0.5


def test_far_from_the_origin_distances_are_as_good():
    real, fake = features()
    assert manifold(real + 1000, fake + 1000) == pytest.approx(manifold(real, fake), abs=0.02)


def test_radius_is_the_distance_of_the_kth_other_point_though_copies_lie_about():
    x = np.array([[0.0], [0.0], [3.0], [7.0]], np.float32)
    np.testing.assert_allclose(radii(x, 1), [0, 0, 3, 4])
    np.testing.assert_allclose(radii(x, 2), [3, 3, 3, 7])


@pytest.mark.parametrize("k", [0, 3])
def test_a_k_without_neighbours_is_named(k):
    with pytest.raises(ValueError, match=f"k {k}: from 1 to below"):
        manifold(np.ones((3, 2)), np.ones((9, 2)), k=k)


def test_features_that_are_not_finite_have_no_figure():
    with pytest.raises(ValueError, match="NaN or infinity"):
        manifold(np.ones((9, 2)), np.full((9, 2), np.nan), k=3)
