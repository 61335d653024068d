"""Precision, recall, density and coverage: what they must see, the block size that they mustn't, and prdc's figures."""

import numpy as np
import pytest
from golden import GOLDEN, features, groups
from scipy.spatial.distance import cdist

from gan_jax.metrics import distances
from gan_jax.metrics.manifold import manifold, squared_radii


@pytest.mark.parametrize(("held", "columns"), [(1, 4096), (30_000, 130), (20_000_000, 97)])
@pytest.mark.parametrize("k", [3, 5])
def test_figures_are_prdcs_on_the_same_features_by_any_blocks(k, held, columns, monkeypatch):
    monkeypatch.setattr(distances, "HELD", held)
    monkeypatch.setattr(distances, "COLUMNS", columns)
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


def test_figures_of_tight_groups_far_apart_are_those_of_distances_taken_one_by_one_in_float64():
    real, fake = groups(1), groups(2)
    within_real, within_fake, across = (cdist(*pair) for pair in ((real, real), (fake, fake), (real, fake)))
    reach, reach_of_fake = (np.sort(apart, 1)[:, 5] for apart in (within_real, within_fake))
    inside = across <= reach[:, None]
    found = manifold(real, fake)
    assert found.precision == pytest.approx(inside.any(0).mean(), rel=1e-3)
    assert found.recall == pytest.approx((across <= reach_of_fake).any(1).mean(), rel=1e-3)
    assert found.density == pytest.approx(inside.sum(0).mean() / 5, rel=1e-3)
    assert found.coverage == pytest.approx(inside.any(1).mean(), rel=1e-3)
    np.testing.assert_allclose(np.sqrt(squared_radii(real, 5)), reach, rtol=1e-3)


@pytest.mark.parametrize(("dimensions", "far"), [(49, 0), (128, 1000), (2048, 5)])
def test_copies_lie_in_the_balls_of_their_originals_although_these_have_no_size(dimensions, far):
    points = far + np.random.default_rng(0).normal(size=(20, dimensions)).astype(np.float32)
    real, fake = np.repeat(points, 6, 0), np.concatenate([np.repeat(points[:3], 7, 0), np.repeat(points[3:], 20, 0)])
    assert manifold(real, fake, k=5) == (1, 1, 6 / 5, 1)  # although the fake points have another mean
    assert manifold(fake, real, k=5).density == pytest.approx((3 * 7 + 17 * 20) / 20 / 5)


def test_radius_is_the_distance_of_the_kth_other_point_though_copies_lie_about():
    x = np.array([[0.0], [0.0], [3.0], [7.0]], np.float32)
    np.testing.assert_allclose(squared_radii(x, 1), [0, 0, 9, 16])
    np.testing.assert_allclose(squared_radii(x, 2), [9, 9, 9, 49])


@pytest.mark.parametrize("k", [0, 3])
def test_a_k_without_neighbours_is_named(k):
    with pytest.raises(ValueError, match=f"k {k}: it must be from 1 to below"):
        manifold(np.ones((3, 2)), np.ones((9, 2)), k=k)


def test_features_that_are_not_finite_have_no_figure():
    with pytest.raises(FloatingPointError, match="NaN or infinity"):
        manifold(np.ones((9, 2)), np.full((9, 2), np.nan), k=3)


def test_complex_features_are_refused():
    with pytest.raises(ValueError, match="real numbers, not complex128"):
        manifold(np.ones((9, 2)), np.full((9, 2), 1j), k=3)
