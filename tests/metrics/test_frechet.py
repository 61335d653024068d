"""The Fréchet distance against closed forms, and against the field's implementations on the same features."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from golden import GOLDEN, features

from gan_jax.metrics.frechet import frechet_distance, moments


def test_moments_are_those_of_all_samples_however_they_are_batched():
    x = 1e3 + np.random.default_rng(0).normal(size=(101, 5))
    for cuts in ([], [1], [3, 50], [0, 100]):
        found = moments(np.split(x, cuts))
        assert found.n == 101
        np.testing.assert_allclose(found.mean, x.mean(0), rtol=1e-12)
        np.testing.assert_allclose(found.covariance, np.cov(x, rowvar=False), rtol=1e-9, atol=1e-12)


def test_distance_of_gaussians_that_commute_is_that_of_means_and_deviations():
    rng = np.random.default_rng(0)
    noise = np.linalg.qr(rng.normal(size=(400, 3)) - 0)[0]
    noise = np.linalg.qr(np.hstack([np.ones((400, 1)), noise]))[0][:, 1:] * np.sqrt(399)  # mean 0, covariance 1
    a, b = np.array([1.0, 2.0, 0.5]), np.array([3.0, 2.0, 0.0])
    distance = frechet_distance(moments([noise * a]), moments([noise * b + np.array([1.0, 0.0, -2.0])]))
    np.testing.assert_allclose(distance, 5 + np.sum((a - b) ** 2), rtol=1e-9)


def test_distance_is_symmetric_zero_from_itself_and_blind_to_rotation():
    real, fake = (moments([x]) for x in features())
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(24, 24)))[0]
    turned = [moments([x.astype(np.float64) @ turn]) for x in features()]
    distance = frechet_distance(real, fake)
    np.testing.assert_allclose(frechet_distance(fake, real), distance, rtol=1e-10)
    np.testing.assert_allclose(frechet_distance(*turned), distance, rtol=1e-9)
    np.testing.assert_allclose(frechet_distance(real, real), 0, atol=1e-9)


def test_distance_of_identical_sets_is_never_below_0():
    for seed in range(20):
        x = np.random.default_rng(seed).normal(size=(60, 30)) + 1000
        assert 0 <= frechet_distance(moments([x]), moments([x[::-1]])) < 1e-8


def test_distance_is_exact_where_there_are_fewer_samples_than_dimensions():
    x = np.random.default_rng(0).normal(size=(5, 300))
    np.testing.assert_allclose(frechet_distance(moments([x]), moments([x])), 0, atol=1e-9)
    wide = np.zeros((5, 300))
    wide[:, :4] = x[:, :4]
    narrow = frechet_distance(moments([x[:, :4]]), moments([2 * x[:, :4]]))
    np.testing.assert_allclose(frechet_distance(moments([wide]), moments([2 * wide])), narrow, rtol=1e-9)


def test_covariances_without_a_direction_in_common_have_no_cross_term():
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(60, 60)))[0]
    a, b = rng.normal(size=(2, 200, 30))
    one, other = moments([(a - a.mean(0)) @ turn[:30]]), moments([(b - b.mean(0)) @ turn[30:]])
    traces = np.trace(one.covariance) + np.trace(other.covariance)
    np.testing.assert_allclose(frechet_distance(one, other), traces, rtol=1e-11)


def test_distance_is_the_references_on_the_same_features():
    real, fake = features()
    distance = frechet_distance(moments(jnp.split(jnp.asarray(real), 3)), moments([fake]))
    np.testing.assert_allclose(distance, GOLDEN["frechet/pytorch-fid"], rtol=1e-6)
    np.testing.assert_allclose(distance, GOLDEN["frechet/torch-fidelity"], rtol=1e-6)
    few = frechet_distance(moments([real[:10]]), moments([fake[:12]]))
    np.testing.assert_allclose(few, GOLDEN["frechet of few/pytorch-fid"], rtol=1e-3)


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        ([], "two samples or more, there are 0"),
        ([np.ones((1, 3))], "two samples or more, there are 1"),
        ([np.ones(3)], r"features must be \[N, D\], not \[3\]"),
        ([np.full((9, 3), 1j)], "real numbers, not complex128"),
        ([jax.numpy.array([[jnp.nan], [1.0]])], "NaN or infinity"),
    ],
)
def test_what_has_no_moments_is_named(batches, message):
    with pytest.raises((ValueError, FloatingPointError), match=message):
        moments(batches)


def test_features_of_two_networks_are_not_compared():
    with pytest.raises(ValueError, match="3 and 2 dimensions"):
        frechet_distance(moments([np.eye(3)]), moments([np.eye(2)]))
