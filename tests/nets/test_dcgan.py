"""The tutorial's DCGAN against Keras, from keras_dcgan.npz (by tensorflow-cpu 2.21, Keras 3.15)."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rounding import ROUNDING

from gan_jax.nets import dcgan
from gan_jax.nets.conv.convolution import ConvTranspose
from gan_jax.types import Mode


@pytest.fixture(scope="module")
def golden():
    with np.load(pathlib.Path(__file__).with_name("keras_dcgan.npz")) as arrays:
        return dict(arrays)


def generator_variables(golden):
    """Keras' weights in its order: dense, then gamma, beta, mean, variance and a kernel, three times."""
    weights = [golden[f"generator_{i}"] for i in range(16)]
    params, stats = {"Dense_0": {"kernel": weights[0]}}, {}
    for i in range(3):
        gamma, beta, mean, var, kernel = weights[1 + 5 * i : 6 + 5 * i]
        params[f"BatchNorm_{i}"] = {"BatchNorm_0": {"scale": gamma, "bias": beta}}
        params[f"ConvTranspose_{i}"] = {"kernel": np.swapaxes(kernel, -1, -2)}
        stats[f"BatchNorm_{i}"] = {"BatchNorm_0": {"mean": mean, "var": var}}
    return params, {"batch_stats": stats}


def test_generator_agrees_with_keras_in_evaluation(golden):
    network = dcgan.generator(width=8)
    images, _ = jax.jit(network.apply)(*generator_variables(golden), golden["z"], None, Mode())
    np.testing.assert_allclose(images, golden["images"], rtol=0, atol=1e-5 * ROUNDING)


def test_generator_and_its_statistics_agree_with_keras_in_training(golden):
    network = dcgan.generator(width=8)
    images, stats = jax.jit(network.apply)(*generator_variables(golden), golden["z"], None, Mode(train=True))
    np.testing.assert_allclose(images, golden["train_images"], rtol=0, atol=1e-5 * ROUNDING)
    for i in range(3):
        moved = stats["batch_stats"][f"BatchNorm_{i}"]["BatchNorm_0"]
        np.testing.assert_allclose(moved["mean"], golden[f"moved_{2 * i}"], rtol=0, atol=1e-5 * ROUNDING)
        np.testing.assert_allclose(moved["var"], golden[f"moved_{2 * i + 1}"], rtol=0, atol=1e-5 * ROUNDING)


def test_critic_agrees_with_keras(golden):
    weights = [golden[f"critic_{i}"] for i in range(6)]
    names = ("Conv_0", "Conv_1", "Dense_0")
    params = {n: {"kernel": k, "bias": b} for n, k, b in zip(names, weights[::2], weights[1::2])}
    logits, _ = jax.jit(dcgan.critic(width=8).apply)(params, {}, golden["images"], None, Mode())
    np.testing.assert_allclose(logits, golden["logits"], rtol=0, atol=1e-5 * ROUNDING)


def test_there_are_as_many_parameters_as_the_tutorial_prints():
    def count(network, x):
        params, stats = jax.eval_shape(network.init, jax.random.key(0), x, None)
        return [sum(leaf.size for leaf in jax.tree.leaves(tree)) for tree in (params, stats)]

    # Keras' own count for the tutorial's networks: generator 2,330,944 of which 25,472 are moving statistics.
    assert count(dcgan.generator(), jnp.zeros((1, 100))) == [2_330_944 - 25_472, 25_472]
    assert count(dcgan.critic(), jnp.zeros((1, 28, 28, 1))) == [212_865, 0]


def test_kernels_start_within_keras_bounds():
    # Keras 3's GlorotUniform: ±√(6 / (fan in + fan out)), fans counted with the 25 pixels of the window.
    kernel = ConvTranspose(32, (5, 5), kernel_init=dcgan.kernel_init).init(jax.random.key(0), jnp.zeros((1, 2, 2, 64)))[
        "params"
    ]["kernel"]
    assert kernel.shape == (5, 5, 64, 32)
    bound = np.sqrt(6 / (25 * (64 + 32)))
    assert 0.99 * bound < np.max(np.abs(kernel)) <= bound
