"""BigGAN's networks: the published sizes and first steps, and equality with a build in PyTorch."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from biggan_cases import FILE, NETS, inputs, variables
from derivatives import by_jax, golden

from gan_jax import spectral_norm
from gan_jax.nets import biggan
from gan_jax.nets.attention import SelfAttention, max_pool
from gan_jax.types import Mode

LABEL = jnp.array([0, 2], jnp.int32)
KEY = jax.random.key(0)


def size_of(network, *shape):
    params, _ = jax.eval_shape(network.init, KEY, jax.ShapeDtypeStruct((2, *shape), "float32"), LABEL)
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def test_the_networks_for_imagenet_128_have_as_many_parameters_as_the_authors():
    """As `compare_gan/architectures/resnet_biggan_test.py` has them."""
    widths = [96 * multiple for multiple in (16, 16, 8, 4, 2, 1)]
    settings = {"widths": widths, "attention": (64,), "classes": 1000}
    assert size_of(biggan.generator(**settings, shape=(128, 128, 3)), 120) == 70_433_988
    assert size_of(biggan.critic(**settings, halvings=5), 128, 128, 3) == 87_982_370


def results(name):
    (params, stats), (x, label) = variables(name), inputs(name)
    return by_jax(lambda params, x: NETS[name].apply(params, stats, x, label, Mode(train=True))[0], params, x)


def assert_close(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):  # biases before batch statistics have a gradient of 0
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * max(np.abs(other).max(), 1))


@pytest.mark.parametrize("name", NETS)
def test_outputs_and_gradients_of_both_orders_are_those_of_pytorch_2_13_0(name):
    assert_close(results(name), golden(FILE, name))


@pytest.mark.parametrize("name", NETS)
def test_outputs_and_gradients_are_those_of_the_installed_pytorch(name):
    pytest.importorskip("torch")
    from papers_biggan import by_torch

    assert_close(results(name), by_torch(name))


def random_variables(network, x, label=None):
    """Normal numbers as parameters, and statistics of 0.5."""
    shapes = jax.eval_shape(network.init, KEY, x, label)
    random = np.random.default_rng(0)
    params = jax.tree.map(lambda leaf: random.normal(size=leaf.shape).astype(np.float32), shapes[0])
    return params, jax.tree.map(lambda leaf: np.full(leaf.shape, 0.5, leaf.dtype), shapes[1])


SMALL = {"widths": (8, 8, 8), "attention": (4,), "shape": (8, 8, 1)}


def test_sagans_generator_is_biggans_where_styles_are_the_class_and_the_first_chunk_is_all_of_the_latent():
    sagan = biggan.generator(**SMALL, classes=3, hierarchical=False)
    general = biggan.generator(**SMALL, classes=3, embedding=3)
    z = np.concatenate([np.random.default_rng(1).normal(size=(2, 2)), np.zeros((2, 4))], 1).astype(np.float32)
    params, stats = random_variables(sagan, z, LABEL)

    def styled(tables):
        nothing = jnp.zeros((2, 8))  # made of a chunk
        return {
            "to_scale": {"kernel": jnp.concatenate([tables["scale"] - 1, nothing])},
            "to_bias": {"kernel": jnp.concatenate([tables["bias"], nothing])},
        }

    def renamed(tree, change):
        return {name.replace("Conditional", "Styled"): change(name, value) for name, value in tree.items()}

    def as_styles(name, value):
        if name.startswith("Block"):
            return renamed(value, lambda name, value: styled(value) if "Norm" in name else value)
        return {**value, "kernel": value["kernel"][:2]} if name == "Dense_0" else value

    both = renamed(params, as_styles) | {"shared": jnp.eye(3)}
    general_stats = jax.tree.map(
        lambda leaf: np.full(leaf.shape, 0.5, leaf.dtype), jax.eval_shape(general.init, KEY, z, LABEL)[1]
    )
    y = jax.jit(sagan.apply)(params, stats, z, LABEL, Mode())[0]
    assert np.std(y) > 0.1
    np.testing.assert_allclose(
        jax.jit(general.apply)(both, general_stats, z, LABEL, Mode())[0], y, rtol=1e-4, atol=1e-5
    )


def test_each_chunk_of_the_latent_enters_at_its_own_stage_with_or_without_classes():
    for classes in (0, 3):
        network = biggan.generator(**SMALL, classes=classes)
        z = np.random.default_rng(1).normal(size=(2, 6)).astype(np.float32)
        params, _ = jax.eval_shape(network.init, KEY, z, LABEL)
        rows = {
            "first": params["Dense_0"]["kernel"].shape[0],
            "second": params["Block_0"]["StyledBatchNorm_1"]["to_bias"]["kernel"].shape[0],
            "third": params["Block_1"]["StyledBatchNorm_0"]["to_scale"]["kernel"].shape[0],
        }
        assert rows == {"first": 2, "second": 2 + 128 * bool(classes), "third": 2 + 128 * bool(classes)}


@pytest.mark.parametrize(
    ("network", "x"),
    [
        (
            biggan.generator(widths=(8, 8), attention=(8,), classes=3, embedding=8, shape=(8, 8, 1)),
            jnp.ones((2, 8)),
        ),
        (biggan.critic(widths=(8, 8), halvings=1, attention=(4,), classes=3), jnp.ones((2, 8, 8, 1))),
    ],
    ids=["generator", "critic"],
)
def test_kernels_begin_orthogonal_attention_as_the_identity_and_all_but_the_shared_embedding_is_normalised(network, x):
    params = jax.jit(lambda key: network.init(key, x, LABEL)[0])(KEY)
    kernels = {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf.reshape(-1, leaf.shape[-1])
        for path, leaf in jax.tree.leaves_with_path(params)
        if leaf.ndim > 1
    }
    for name, kernel in kernels.items():
        product = kernel @ kernel.T if kernel.shape[0] < kernel.shape[1] else kernel.T @ kernel
        np.testing.assert_allclose(product, np.eye(len(product)), atol=1e-5, err_msg=name)
    assert params["SelfAttention_0"]["gain"] == 0
    _, stats = jax.eval_shape(spectral_norm(network).init, KEY, x, LABEL)
    assert stats["spectral"].keys() == kernels.keys() - {"shared"}


# ---- Self-attention


def test_attention_of_equal_scores_adds_the_mean_of_the_pooled_values():
    x = np.random.default_rng(0).normal(size=(2, 4, 6, 16)).astype(np.float32)
    params = SelfAttention().init(KEY, x)["params"] | {"gain": jnp.array(2.0)}
    params["theta"] = {"kernel": jnp.zeros((1, 1, 16, 2))}
    values = max_pool(x @ params["g"]["kernel"][0, 0])
    expected = x + 2 * jnp.mean(values, (1, 2), keepdims=True) @ params["o"]["kernel"][0, 0]
    np.testing.assert_allclose(SelfAttention().apply({"params": params}, x), expected, rtol=1e-4, atol=1e-5)


def test_max_pooling_takes_the_largest_of_four_and_sends_it_the_gradient():
    x = np.random.default_rng(0).permutation(2 * 4 * 6 * 3).reshape(2, 4, 6, 3).astype(np.float32)
    blocks = x.reshape(2, 2, 2, 3, 2, 3)
    largest = blocks.max((2, 4))
    np.testing.assert_array_equal(max_pool(x), largest)
    is_largest = (blocks == largest[:, :, None, :, None]).reshape(x.shape)
    by_x = jax.grad(lambda x: jnp.sum(max_pool(x) ** 2))
    np.testing.assert_array_equal(by_x(jnp.asarray(x)), 2 * x * is_largest)
    twice = jax.grad(lambda x: jnp.sum(by_x(x) ** 2))
    np.testing.assert_array_equal(twice(jnp.asarray(x)), 8 * x * is_largest)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: biggan.generator(shape=(36, 36, 3)), "multiples of 8 for 4 stages"),
        (lambda: biggan.generator(shape=(32, 32)), "height, width, channels"),
        (
            lambda: biggan.generator(attention=(4, 16, 64)),
            r"attention at \[4, 64\]: the blocks make images of heights \[8, 16, 32\]",
        ),
        (lambda: biggan.generator().init(KEY, jnp.ones((2, 81)), None), "latents of 81: want a multiple of 4"),
        (lambda: biggan.critic(halvings=5), "5 halvings by 4 blocks: want 1 to 4"),
        (lambda: biggan.critic().init(KEY, jnp.ones((2, 30, 30, 3)), None), "sides multiples of 4"),
        (
            lambda: biggan.critic().init(KEY, jnp.ones((2, 16, 16, 3)), None),
            r"attention at \[16\]: the blocks make images of heights \[4, 8\]",
        ),
        (lambda: SelfAttention().init(KEY, jnp.ones((2, 3, 4, 8))), "self-attention on 3x4: the sides must be even"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
