"""Samples are of the variables given, in evaluation, each from its own key and of its own class."""

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import priors
from gan_jax.sample import CHUNK, make_sampler
from gan_jax.types import Network, Variables


def echo() -> Network:
    """What it is given: z, the label, the parameter, the statistic, and whether it trains."""

    def apply(params, stats, z, label, mode):
        each = jnp.ones(len(z))
        rows = [z[:, 0], each * (-1 if label is None else label), each * params, each * stats, each * mode.train]
        return jnp.stack(rows, 1), stats

    return Network(lambda *_: (), apply)


def draw(count: int, *, classes: int = 0, seed: int = 0) -> np.ndarray:
    sample = make_sampler(echo(), priors.normal(1), classes)
    return sample(Variables(jnp.float32(5), jnp.float32(7)), jax.random.key(seed), count)


def test_the_variables_given_are_used_in_evaluation():
    np.testing.assert_array_equal(draw(3)[:, 1:], [[-1, 5, 7, 0]] * 3)


def test_sample_i_is_of_class_i_modulo_the_classes():
    np.testing.assert_array_equal(draw(CHUNK + 6, classes=3)[:, 1], np.arange(CHUNK + 6) % 3)


def test_every_latent_differs_and_depends_on_its_number_and_the_key_alone():
    many = draw(2 * CHUNK + 1)[:, 0]
    assert len(np.unique(many)) == len(many)
    np.testing.assert_array_equal(draw(3)[:, 0], many[:3])
    assert not np.isin(draw(3, seed=1)[:, 0], many).any()
