"""The toy networks of WGAN-GP."""

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.nets import mlp
from gan_jax.types import Mode


def test_defaults_are_those_of_the_toy_experiments():
    # gan_toy.py: 2-D latent, three hidden layers of 512, He's uniform law with stdev √(2 / fan in)
    params, _ = mlp.critic().init(jax.random.key(0), jnp.zeros((1, 2)), None)
    kernels = [params[f"Dense_{i}"]["kernel"] for i in range(4)]
    assert [k.shape for k in kernels] == [(2, 512), (512, 512), (512, 512), (512, 1)]
    bound = np.sqrt(6 / 512)
    assert 0.99 * bound < np.max(np.abs(kernels[1])) <= bound


def test_the_mlp_is_relu_layers_and_a_linear_one():
    network = mlp.generator((2, 2), width=5, depth=1)
    z = jax.random.normal(jax.random.key(1), (3, 4))
    params, stats = network.init(jax.random.key(0), z, None)
    hidden, last = params["Dense_0"]["kernel"], params["Dense_1"]["kernel"]
    expected = (jnp.maximum(z @ hidden, 0) @ last).reshape(3, 2, 2)
    np.testing.assert_allclose(network.apply(params, stats, z, None, Mode())[0], expected, rtol=1e-5, atol=1e-6)
