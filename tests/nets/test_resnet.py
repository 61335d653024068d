"""The parts of the residual networks that shapes don't show."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets import resnet
from gan_jax.nets.layers import Identity
from gan_jax.nets.resnet import Block, mean_2x2, repeat_2x2
from gan_jax.types import Mode

X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4, 6, 3)), jnp.float32)


def test_resizing_is_nearest_neighbour_and_the_mean_of_four():
    np.testing.assert_array_equal(repeat_2x2(X), X.repeat(2, axis=1).repeat(2, axis=2))
    np.testing.assert_allclose(mean_2x2(repeat_2x2(X)), X, rtol=1e-6)
    np.testing.assert_allclose(mean_2x2(X)[:, 0, 0], jnp.mean(X[:, :2, :2], axis=(1, 2)), rtol=1e-5)


def zeros(block):
    return jax.tree.map(jnp.zeros_like, jax.eval_shape(block.init, jax.random.key(0), X, None, Mode())["params"])


@pytest.mark.parametrize(("place", "resize"), [("before", repeat_2x2), ("after", mean_2x2)])
def test_the_shortcut_resizes_as_the_convolutions_do(place, resize):
    block = Block(5, Identity, **{place: resize})
    kernel = jnp.asarray(np.random.default_rng(1).normal(size=(1, 1, 3, 5)), jnp.float32)
    params = zeros(block)
    params["Conv_2"]["kernel"] = kernel  # the others are 0, so only the shortcut is left
    y = block.apply({"params": params}, X, None, Mode())
    np.testing.assert_allclose(y, resize(X) @ kernel[0], rtol=1e-5, atol=1e-6)


def test_a_plain_block_with_zero_kernels_is_the_identity():
    block = Block(3, Identity)
    np.testing.assert_array_equal(block.apply({"params": zeros(block)}, X, None, Mode()), X)


def test_parameters_number_what_the_papers_networks_have():
    def count(network, x):
        params, _ = jax.eval_shape(network.init, jax.random.key(0), x, None)
        return sum(leaf.size for leaf in jax.tree.leaves(params))

    def conv(window, inputs, outputs):
        return window**2 * inputs * outputs + outputs

    def blocks(width, shortcuts):
        return 2 * conv(3, width, width) + shortcuts * conv(1, width, width)

    # Counted by hand from the papers' tables: Gulrajani 2017; Miyato 2018.
    first = conv(3, 3, 128) + conv(3, 128, 128) + conv(1, 3, 128)
    critic = first + blocks(128, 1) + 2 * blocks(128, 0)
    image = jnp.zeros((1, 32, 32, 3))
    assert count(resnet.critic(), image) == critic + 129
    assert count(resnet.critic(pool=resnet.sum_pool, use_bias=False), image) == critic + 128
    for width in (128, 256):
        dense = (128 + 1) * 16 * width
        expected = dense + 3 * (blocks(width, 1) + 4 * width) + 2 * width + conv(3, width, 3)
        assert count(resnet.generator(width=width), jnp.zeros((1, 128))) == expected
