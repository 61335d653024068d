import jax
import numpy as np
import pytest

from gan_jax import priors


def draws(prior, count: int = 4000) -> np.ndarray:
    return np.asarray(jax.vmap(prior)(jax.random.split(jax.random.key(0), count)))


@pytest.mark.parametrize("prior", [priors.normal(5), priors.uniform(5)], ids=["normal", "uniform"])
def test_one_key_gives_one_latent_example(prior):
    z = draws(prior)
    assert z.shape == (4000, 5)
    assert z.dtype == np.float32
    assert len(np.unique(z[:, 0])) > 3990
    np.testing.assert_allclose(np.corrcoef(z.T), np.eye(5), atol=0.08)  # five standard errors
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=0.08)


def test_normal_has_variance_1():
    np.testing.assert_allclose(draws(priors.normal(5)).std(axis=0), 1, atol=0.06)


def test_uniform_fills_the_interval_from_minus_1_to_1():
    z = draws(priors.uniform(5))
    assert -1 <= z.min() < -0.99
    assert 0.99 < z.max() <= 1
    np.testing.assert_allclose(z.std(axis=0), 3**-0.5, atol=0.03)
