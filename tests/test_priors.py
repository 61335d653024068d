import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import priors
from gan_jax.errors import UserError

CODES = priors.Codes((4, 2), 3)


def draws(prior, count: int = 4000) -> np.ndarray:
    return np.asarray(jax.vmap(prior)(jax.random.split(jax.random.key(0), count)))


@pytest.mark.parametrize(
    "prior",
    [priors.normal(5), priors.uniform(5), priors.truncated(priors.normal(5), 1.0)],
    ids=["normal", "uniform", "truncated"],
)
def test_one_key_gives_one_latent_example(prior):
    z = draws(prior)
    assert z.shape == (4000, 5)
    assert z.dtype == np.float32
    assert len(np.unique(z[:, 0])) > 3990
    np.testing.assert_allclose(np.corrcoef(z.T), np.eye(5), atol=0.08)  # five standard errors
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.08)


def test_normal_has_variance_1():
    np.testing.assert_allclose(draws(priors.normal(5)).std(axis=0), 1, atol=0.06)


def test_a_truncated_normal_prior_is_the_normal_distribution_within_its_limits():
    z = draws(priors.truncated(priors.normal(5), 0.5))
    assert -0.5 <= z.min() < -0.498
    assert 0.498 < z.max() <= 0.5
    density, mass = math.exp(-0.125) / math.sqrt(2 * math.pi), math.erf(0.5 / math.sqrt(2))
    np.testing.assert_allclose(z.std(axis=0) ** 2, 1 - density / mass, rtol=0.07)  # five standard errors


@pytest.mark.parametrize("limit", [0.0, -1.0, math.nan])
def test_a_limit_that_is_not_above_0_is_refused(limit):
    with pytest.raises(UserError, match=f"truncation at {limit}: it must be above 0"):
        priors.truncated(priors.normal(5), limit)


def test_a_limit_that_no_draw_meets_is_refused_instead_of_drawing_for_ever():
    with pytest.raises(UserError, match=r"truncation at 0.5: of 1000 draws, none of some entry is within it"):
        priors.truncated(lambda key: jnp.stack([jax.random.normal(key), 2.5]), 0.5)


def test_truncation_keeps_codes_that_are_choices_and_truncates_the_others():
    truncated = priors.truncated(priors.with_codes(priors.normal(5), CODES), 0.5)
    z = jax.jit(jax.vmap(truncated))(jax.random.split(jax.random.key(0), 100))
    (first, second), numbers = CODES.split(z[:, 5:])
    assert np.abs(z[:, :5]).max() <= 0.5
    assert np.abs(numbers).max() <= 0.5
    for choices in (first, second):
        assert set(np.unique(choices)) == {0, 1}
        np.testing.assert_array_equal(choices.sum(axis=1), 1)


def test_latents_that_are_trees_are_truncated_too_even_while_a_program_is_traced():
    def prior(key):
        return {"a": jax.random.normal(key, (3,)), "b": jax.random.uniform(key, (2, 2))}

    z = jax.jit(lambda keys: jax.vmap(priors.truncated(prior, 0.5))(keys))(jax.random.split(jax.random.key(0), 50))
    assert (z["a"].shape, z["b"].shape) == ((50, 3), (50, 2, 2))
    assert max(np.abs(leaf).max() for leaf in z.values()) <= 0.5


def test_uniform_fills_the_interval_from_minus_1_to_1():
    z = draws(priors.uniform(5))
    assert -1 <= z.min() < -0.99
    assert 0.99 < z.max() <= 1
    np.testing.assert_allclose(z.std(axis=0), 3**-0.5, atol=0.03)


def test_codes_follow_the_noise_as_one_hot_choices_and_then_numbers():
    z = draws(priors.with_codes(priors.normal(5), CODES))
    assert (z.shape, z.dtype) == ((4000, 5 + CODES.size), np.float32)
    assert CODES.size == 9
    (first, second), numbers = CODES.split(z[:, 5:])
    for choices, count in ((first, 4), (second, 2)):
        assert choices.shape == (4000, count)
        assert set(np.unique(choices)) == {0, 1}
        np.testing.assert_array_equal(choices.sum(axis=1), 1)
        np.testing.assert_allclose(choices.mean(axis=0), 1 / count, atol=0.04)  # five standard errors
    assert numbers.shape == (4000, 3)
    assert -1 <= numbers.min() < -0.99
    assert 0.99 < numbers.max() <= 1
    np.testing.assert_allclose(np.std(numbers, axis=0), 3**-0.5, atol=0.03)
    parts = np.hstack([z[:, :5], first[:, :1], second[:, :1], numbers])
    np.testing.assert_allclose(np.corrcoef(parts.T), np.eye(10), atol=0.08)


@pytest.mark.parametrize(
    ("codes", "shapes", "rest"),
    [(priors.Codes((3,)), [(6, 3)], (6, 0)), (priors.Codes((), 2), [], (6, 2)), (priors.Codes(), [], (6, 0))],
)
def test_codes_of_one_kind_or_none(codes, shapes, rest):
    z = draws(priors.with_codes(priors.uniform(4), codes), 6)
    assert z.shape == (6, 4 + codes.size)
    categorical, continuous = codes.split(z[:, 4:])
    assert [choice.shape for choice in categorical] == shapes
    assert continuous.shape == rest
