"""The kernel distance: unbiased, and the reference's."""

import numpy as np
import pytest
from golden import GOLDEN, features

from gan_jax.metrics.kernel import kernel_distance, squared_mmd


def test_squared_mmd_is_the_sum_over_pairs():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 3)), rng.normal(size=(5, 3)) + 1

    def mean(a, b, distinct):
        return np.mean(
            [(np.dot(p, q) / 3 + 1) ** 3 for i, p in enumerate(a) for j, q in enumerate(b) if not (distinct and i == j)]
        )

    np.testing.assert_allclose(squared_mmd(x, y), mean(x, x, True) + mean(y, y, True) - 2 * mean(x, y, False))


def test_distance_of_one_distribution_is_zero_in_the_mean_and_below_it_half_the_time():
    rng = np.random.default_rng(0)
    values = np.array([squared_mmd(*rng.normal(size=(2, 20, 4))) for _ in range(400)])
    assert abs(values.mean()) < 4 * values.std() / 20
    assert 0.3 < np.mean(values < 0) < 0.8


def test_distance_is_the_references_on_the_same_features():
    real, fake = features()
    found = kernel_distance(real[:260], fake, subsets=2, subset_size=260)
    np.testing.assert_allclose(found.mean, GOLDEN["kernel/torch-fidelity"], rtol=1e-6)
    np.testing.assert_allclose(found.deviation, 0, atol=1e-9)


def test_standard_error_is_that_of_the_mean_over_subsets_and_the_seed_settles_all():
    real, fake = features()
    found = kernel_distance(real, fake, subsets=9, subset_size=50, seed=3)
    np.testing.assert_allclose(found.standard_error, found.deviation / 3)
    assert found.deviation > 0
    assert found == kernel_distance(real, fake, subsets=9, subset_size=50, seed=3)
    assert found != kernel_distance(real, fake, subsets=9, subset_size=50, seed=4)


@pytest.mark.parametrize(
    ("fake", "options", "message"),
    [
        (np.ones((9, 2)), {}, r"not \[9, 3\] and \[9, 2\]"),
        (np.full((9, 3), np.inf), {"subset_size": 3}, "NaN or infinity"),
        (np.full((9, 3), 1j), {"subset_size": 3}, "real numbers, not complex128"),
        (np.ones((9, 3)), {"subset_size": 10}, "subsets of 10 from 9 real and 9 fake"),
        (np.ones((9, 3)), {"subset_size": 3, "subsets": 1}, "1 subsets"),
    ],
)
def test_what_cannot_be_compared_is_named(fake, options, message):
    with pytest.raises((ValueError, FloatingPointError), match=message):
        kernel_distance(np.ones((9, 3)), fake, **options)
