"""Samples come from the given variables in evaluation mode, each from its own key and of its own class."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import priors
from gan_jax.errors import UserError
from gan_jax.sample import CHUNK, between, make_draw, make_sampler, make_walker
from gan_jax.types import Network, Output, Variables


def echo() -> Network:
    """Returns its inputs: z, the condition, the parameter, the statistic, and whether it trains."""

    def apply(params, stats, z, condition, mode):
        each = jnp.ones(len(z))
        rows = [
            z[:, 0],
            each * (-1 if condition is None else condition),
            each * params,
            each * stats,
            each * mode.train,
        ]
        return jnp.stack(rows, 1), stats

    return Network(lambda *_: (), apply)


def draw(count: int, *, classes: int = 0, seed: int = 0) -> np.ndarray:
    sample = make_sampler(echo(), priors.normal(1), np.arange(classes) if classes else None)
    return sample(Variables(jnp.float32(5), jnp.float32(7)), jax.random.key(seed), count)


def test_the_variables_given_are_used_in_evaluation():
    np.testing.assert_array_equal(draw(3)[:, 1:], [[-1, 5, 7, 0]] * 3)


def test_sample_i_is_of_class_i_modulo_the_classes():
    np.testing.assert_array_equal(draw(CHUNK + 6, classes=3)[:, 1], np.arange(CHUNK + 6) % 3)


def test_labels_of_ones_own_begin_again_at_their_end():
    batches = make_draw(echo(), priors.normal(1))(
        Variables(jnp.float32(5), jnp.float32(7)), jax.random.key(0), CHUNK + 6, np.array([4, 1, 1, 2, 0])
    )
    np.testing.assert_array_equal(np.concatenate(list(batches))[:, 1], np.resize([4, 1, 1, 2, 0], CHUNK + 6))


def test_every_latent_differs_and_depends_on_its_number_and_the_key_alone():
    many = draw(2 * CHUNK + 1)[:, 0]
    assert len(np.unique(many)) == len(many)
    np.testing.assert_array_equal(draw(3)[:, 0], many[:3])
    assert not np.isin(draw(3, seed=1)[:, 0], many).any()


def walk(count: int, frames: int, *, dimensions: int = 5) -> np.ndarray:
    latents = Network(lambda *_: (), lambda params, stats, z, condition, mode: (z, stats))
    walker = make_walker(latents, priors.normal(dimensions))
    return walker(Variables((), ()), jax.random.key(0), count, frames)


def test_walks_begin_at_the_samples_and_lead_to_the_next_ones():
    samples = make_sampler(Network(lambda *_: (), lambda p, s, z, condition, mode: (z, s)), priors.normal(5))(
        Variables((), ()), jax.random.key(0), 7
    )
    walks = walk(7, 13)
    assert walks.shape == (7, 13, 5)
    np.testing.assert_allclose(walks[:, 0], samples, rtol=1e-5)
    longest = np.linalg.norm(np.diff(np.concatenate([walks.reshape(-1, 5), walks[0, :1]]), axis=0), axis=1).max()
    assert longest < np.linalg.norm(samples - np.roll(samples, -1, 0), axis=1).max() / 6


def test_lengths_along_a_walk_lie_on_a_line_and_steps_are_alike():
    start, end = jnp.array([3.0, 0.0, 0.0]), jnp.array([0.0, 1.0, 0.0])
    points = jax.vmap(between, (None, None, 0))(start, end, jnp.linspace(0, 1, 5))
    np.testing.assert_allclose(jnp.linalg.norm(points, axis=1), [3, 2.5, 2, 1.5, 1], rtol=1e-5)
    np.testing.assert_allclose(jnp.arctan2(points[:, 1], points[:, 0]), jnp.linspace(0, jnp.pi / 2, 5), atol=1e-5)


def test_between_the_same_the_opposite_and_zero_is_a_line():
    point = jnp.array([1.0, 2.0])
    for end in (point, -point, jnp.zeros(2)):
        np.testing.assert_allclose(between(point, end, jnp.float32(0.25)), 0.75 * point + 0.25 * end, rtol=1e-5)


def test_a_walk_keeps_the_label_of_its_beginning():
    labels = Network(lambda *_: (), lambda p, s, z, condition, mode: (jnp.stack([condition, z[:, 0]], 1), s))
    walks = make_walker(labels, priors.normal(1), np.arange(3))(Variables((), ()), jax.random.key(0), 5, 4)
    np.testing.assert_array_equal(walks[..., 0], np.repeat(np.arange(5)[:, None] % 3, 4, 1))


def test_conditions_are_any_tree_whose_rows_begin_again_at_their_end():
    conditions = {"image": np.arange(12.0).reshape(3, 2, 2), "class": np.array([4, 5, 6])}
    both = Network(lambda *_: (), lambda p, s, z, condition, mode: (condition, s))
    samples = make_sampler(both, priors.normal(1), conditions)(Variables((), ()), jax.random.key(0), CHUNK + 6)
    for name, rows in conditions.items():
        np.testing.assert_array_equal(samples[name], rows[np.arange(CHUNK + 6) % 3])
    walks = make_walker(both, priors.normal(1), conditions)(Variables((), ()), jax.random.key(0), 5, 20)
    np.testing.assert_array_equal(walks["class"], np.repeat([[4], [5], [6], [4], [5]], 20, 1))
    assert walks["image"].shape == (5, 20, 2, 2)


def test_extra_results_of_a_generator_are_not_sampled_and_latents_may_be_a_tree():
    def prior(key):
        return {"noise": jax.random.normal(key, (3,)), "style": jax.random.normal(key, (2,))}

    network = Network(lambda *_: (), lambda p, s, z, condition, mode: (Output(z["style"], extra=z["noise"]), s))
    samples = make_sampler(network, prior)(Variables((), ()), jax.random.key(0), 3)
    walks = make_walker(network, prior)(Variables((), ()), jax.random.key(0), 3, 2)
    np.testing.assert_allclose(walks[:, 0], samples, rtol=1e-5)
    np.testing.assert_allclose(walks[0, 1], between(samples[0], samples[1], 0.5), rtol=1e-5)


@pytest.mark.parametrize("conditions", [10, {"a": np.arange(3), "b": np.arange(4)}, np.zeros((0, 2))])
@pytest.mark.parametrize("make", [make_sampler, make_walker])
def test_conditions_that_are_no_rows_of_one_number_are_refused(make, conditions):
    with pytest.raises(UserError, match=r"give a tree of \[N, ...\] with one N of 1 or more"):
        make(echo(), priors.normal(1), conditions)
