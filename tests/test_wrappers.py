"""Wrappers of networks pass on the label and the mode."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import conditional_perceptron

from gan_jax.constraints import packed, spectral_norm
from gan_jax.types import Mode

X, LABEL = jnp.ones((4, 2)), jnp.array([2, 0, 1, 2])
MODE = Mode(train=True, keys=jax.random.split(jax.random.key(1), 4), axis_name="devices", dtype=jnp.bfloat16)


@pytest.mark.parametrize(
    ("wrap", "label", "each"),
    [
        (spectral_norm, LABEL, 1),
        (lambda critic: packed(critic, 1), None, 1),
        (lambda critic: packed(critic, 2), None, 2),
    ],
    ids=["spectral norm", "packs of one", "packs of two"],
)
def test_a_wrapped_network_gets_the_label_and_the_mode_that_its_wrapper_got(wrap, label, each):
    plain, seen = conditional_perceptron(), []

    def apply(params, stats, x, condition, mode):
        seen.append((condition, mode))
        return plain.apply(params, stats, x, jnp.zeros(len(x), int), mode)

    network = wrap(plain._replace(apply=apply))
    network.apply(*network.init(jax.random.key(0), X[:1], label), X, label, MODE)
    ((given, mode),) = seen
    assert given is label
    assert (mode.train, mode.axis_name, mode.dtype) == (True, "devices", jnp.bfloat16)
    np.testing.assert_array_equal(jax.random.key_data(mode.keys), jax.random.key_data(MODE.keys[::each]))
