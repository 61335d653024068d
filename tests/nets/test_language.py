"""WGAN-GP's networks of lines: shapes, probabilities, and as many parameters as in the paper's code."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets import language
from gan_jax.types import Mode

KEY = jax.random.key(0)


def count(params) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_the_generator_gives_probabilities_of_characters():
    net = language.generator(width=4, shape=(7, 5))
    z = jax.random.normal(KEY, (3, 6))
    params, stats = net.init(KEY, z, None)
    lines, _ = net.apply(params, stats, z, None, Mode())
    assert lines.shape == (3, 7, 5)
    assert (lines >= 0).all()
    np.testing.assert_allclose(lines.sum(-1), np.ones((3, 7)), rtol=1e-5)


def test_the_critic_gives_a_logit_a_line_from_that_line_alone():
    net = language.critic(width=4)
    x = jax.nn.softmax(jax.random.normal(KEY, (3, 7, 5)))
    params, stats = net.init(KEY, x, None)
    logits, _ = net.apply(params, stats, x, None, Mode())
    assert logits.shape == (3,)
    changed, _ = net.apply(params, stats, x.at[0].set(0), None, Mode())
    np.testing.assert_allclose(changed[1:], logits[1:], rtol=1e-6)
    assert changed[0] != logits[0]


def test_parameters_are_as_many_as_in_the_papers_code():
    width, length, characters, z = 6, 7, 5, 3
    blocks = 5 * 2 * (5 * width * width + width)
    shapes = [
        (language.generator(width=width, shape=(length, characters)), jnp.zeros((1, z))),
        (language.critic(width=width), jnp.zeros((1, length, characters))),
    ]
    counts = [count(jax.eval_shape(lambda net=net, x=x: net.init(KEY, x, None))[0]) for net, x in shapes]
    assert counts == [
        (z + 1) * length * width + blocks + (width + 1) * characters,
        (characters + 1) * width + blocks + length * width + 1,
    ]


def test_a_block_adds_three_tenths_of_two_convolutions():
    block = language.Block(2)
    x = jnp.ones((1, 4, 2))
    params = jax.tree.map(jnp.zeros_like, block.init(KEY, x))
    np.testing.assert_array_equal(block.apply(params, x), x)
    params["params"]["Conv_1"]["bias"] = jnp.array([1.0, 2.0])
    np.testing.assert_allclose(block.apply(params, x) - x, np.broadcast_to([0.3, 0.6], (1, 4, 2)), rtol=1e-6)


def test_a_shape_that_is_no_line_is_refused():
    with pytest.raises(ValueError, match=r"shape \(28, 28, 1\): want \(length, characters\)"):
        language.generator(shape=(28, 28, 1))
