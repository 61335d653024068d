"""Normalisations, dropout and the projection on small arrays."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets.layers import (
    BatchNorm,
    ConditionalBatchNorm,
    Dropout,
    Identity,
    LayerNorm,
    Projection,
    conditional,
    sixteen_bits,
)
from gan_jax.nets.linen import from_linen
from gan_jax.types import Mode

X = jnp.asarray(np.random.default_rng(0).normal(1, 2, (8, 3, 4, 5)), jnp.float32)
LABEL = jnp.arange(8) % 3
KEYS = jax.random.split(jax.random.key(1), 8)
NORMS = [BatchNorm, functools.partial(ConditionalBatchNorm, 3)]


@jax.jit
def dropped(x, keys):
    return Dropout(0.3).apply({}, x, Mode(train=True, keys=keys))


def test_dropout_masks_are_the_same_however_the_batch_is_split():
    whole = dropped(X, KEYS)
    parts = [dropped(X[i : i + 4], KEYS[i : i + 4]) for i in (0, 4)]
    np.testing.assert_array_equal(whole, jnp.concatenate(parts))
    split = jax.vmap(dropped)(X.reshape(4, 2, 3, 4, 5), KEYS.reshape(4, 2))
    np.testing.assert_array_equal(whole, split.reshape(X.shape))


def test_dropout_masks_differ_between_examples_and_places_in_the_network():
    class Two(nn.Module):
        @nn.compact
        def __call__(self, x, mode):
            return jnp.stack([Dropout(0.5)(x, mode), Dropout(0.5)(x, mode)])

    masks = Two().apply({}, jnp.ones((8, 100)), Mode(train=True, keys=KEYS)) == 0
    masks = masks.reshape(16, 100)
    assert len({mask.tobytes() for mask in np.asarray(masks)}) == 16


def test_dropout_keeps_the_mean_and_is_the_identity_in_evaluation():
    ones = jnp.ones((8, 4000))
    y = dropped(ones, KEYS)
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.7], rtol=1e-5)  # .3 is 19,661 of 65,536 draws
    np.testing.assert_allclose(jnp.mean(y), 1, atol=0.02)  # 5 σ: √(.3/.7/32000) = .0037
    assert Dropout(0.3).apply({}, X, Mode(keys=KEYS)) is X
    assert dropped(X.astype(jnp.bfloat16), KEYS).dtype == jnp.bfloat16
    with pytest.raises(ValueError, match=r"mode\.keys"):
        dropped(X, None)


@pytest.mark.parametrize("norm", NORMS)
def test_batch_norm_of_one_number_a_channel_is_refused_and_of_two_is_not(norm):
    network, label, train = from_linen(norm()), jnp.zeros(1, jnp.int32), Mode(train=True, axis_name="replicas")

    def given(x, mode):
        return network.apply(*network.init(jax.random.key(0), x, label), x, label, mode)[0]

    with pytest.raises(ValueError, match=r"batch normalisation of \[1, 5\]: .* use a batch_size of 2 or more"):
        jax.eval_shape(functools.partial(given, mode=Mode(train=True)), jnp.ones((1, 5)))
    for mode, shape in ((Mode(), (1, 5)), (Mode(train=True), (1, 1, 2, 5))):
        assert jax.eval_shape(functools.partial(given, mode=mode), jnp.ones(shape)).shape == shape
    over_two = jax.vmap(functools.partial(given, mode=train), axis_name="replicas")
    assert jax.eval_shape(over_two, jnp.ones((2, 1, 5))).shape == (2, 1, 5)


@pytest.mark.parametrize("norm", NORMS)
def test_batch_norm_across_replicas_equals_the_whole_batch(norm):
    network = from_linen(norm())
    params, stats = network.init(jax.random.key(0), X, LABEL)

    def loss(params, x, label, axis_name):
        y, moved = network.apply(params, stats, x, label, Mode(train=True, axis_name=axis_name))
        return jnp.sum(jnp.sin(y)), (y, moved)

    gradient = jax.grad(loss, (0, 1), has_aux=True)
    (by_params, by_x), (y, moved) = jax.jit(gradient, static_argnums=3)(params, X, LABEL, None)
    replicas = jax.jit(jax.vmap(gradient, (None, 0, 0, None), axis_name="batch"), static_argnums=3)
    split, (split_y, split_moved) = replicas(params, X.reshape(4, 2, 3, 4, 5), LABEL.reshape(4, 2), "batch")
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4)
    close(split_y.reshape(X.shape), y)
    close(split[1].reshape(X.shape), by_x)
    jax.tree.map(lambda a, b: close(jnp.sum(a, 0), b), split[0], by_params)
    jax.tree.map(lambda a, b: close(a, jnp.broadcast_to(b, a.shape)), split_moved, moved)


@pytest.mark.parametrize("norm", NORMS)
def test_batch_norm_normalises_each_channel_in_training(norm):
    network = from_linen(norm(epsilon=0.0))
    y, _ = network.apply(*network.init(jax.random.key(0), X, LABEL), X, LABEL, Mode(train=True))
    np.testing.assert_allclose(jnp.mean(y, (0, 1, 2)), np.zeros(5), atol=1e-5)
    np.testing.assert_allclose(jnp.var(y, (0, 1, 2)), np.ones(5), rtol=1e-4)


def test_conditional_batch_norm_uses_the_row_of_the_label():
    network = from_linen(ConditionalBatchNorm(3))
    params, stats = network.init(jax.random.key(0), X, LABEL)
    plain, _ = network.apply(params, stats, X, LABEL, Mode())
    params = jax.tree.map(lambda p: jnp.asarray(np.random.default_rng(1).normal(size=p.shape), p.dtype), params)
    y, _ = network.apply(params, stats, X, LABEL, Mode())
    for i, label in enumerate(LABEL):
        scale, bias = (jnp.broadcast_to(params[name][label], X[i].shape) for name in ("scale", "bias"))
        np.testing.assert_allclose(y[i], plain[i] * scale + bias, rtol=1e-5, atol=1e-5)


def test_layer_norm_normalises_each_example():
    y, _ = from_linen(LayerNorm()).apply(*from_linen(LayerNorm()).init(jax.random.key(0), X, None), X, None, Mode())
    np.testing.assert_allclose(jnp.mean(y, (1, 2, 3)), np.zeros(8), atol=1e-5)
    np.testing.assert_allclose(jnp.var(y, (1, 2, 3)), np.ones(8), rtol=1e-3)


def test_projection_is_the_product_with_the_embedding_of_the_label():
    features = X.reshape(8, -1)
    projection = Projection(3)
    variables = projection.init(jax.random.key(0), features, LABEL)
    table = variables["params"]["Embed_0"]["embedding"]
    expected = jnp.einsum("bf,bf->b", table[LABEL], features)
    np.testing.assert_allclose(projection.apply(variables, features, LABEL), expected, rtol=1e-4)


def test_a_norm_that_cannot_take_in_classes_is_refused():
    assert conditional(LayerNorm, 0) is LayerNorm
    for norm in (LayerNorm, Identity):
        with pytest.raises(ValueError, match="classes=0"):
            conditional(norm, 3)


def test_batch_norm_with_other_settings_becomes_conditional_with_the_same():
    norm = conditional(functools.partial(BatchNorm, momentum=0.9), 3)()
    assert isinstance(norm, ConditionalBatchNorm)
    assert (norm.classes, norm.momentum) == (3, 0.9)
    with pytest.raises(ValueError, match="LayerNorm ignores the label of 3 classes"):
        conditional(functools.partial(LayerNorm, epsilon=1e-3), 3)


@pytest.mark.parametrize("size", [1, 2, 7, 8, 4095, 4096])
def test_sixteen_bits_are_the_halves_of_as_few_draws_of_thirty_two(size):
    key = jax.random.key(3)
    draws = sixteen_bits(key, size)
    assert (draws.shape, draws.dtype) == ((size,), jnp.uint16)
    words = np.asarray(jax.random.bits(key, (-(-size // 2),)))
    halves = np.stack([words & 0xFFFF, words >> 16], axis=1).reshape(-1)
    np.testing.assert_array_equal(draws, halves[:size])


@pytest.mark.parametrize("size", [2**17, 2**17 - 1])
def test_sixteen_bits_are_uniform_and_independent(size):
    draws = np.asarray(sixteen_bits(jax.random.key(4), size)).astype(int)
    for half in (draws[::2], draws[1::2]):  # of one draw of 32 bits
        for byte in (half >> 8, half & 0xFF):
            expected = len(byte) / 256
            chi_square = ((np.bincount(byte, minlength=256) - expected) ** 2 / expected).sum()
            assert abs(chi_square - 255) < 5 * np.sqrt(2 * 255)  # its mean and standard deviation
    for lag in (1, 2):
        correlation = np.corrcoef(draws[lag:], draws[:-lag])[0, 1]
        assert abs(correlation) < 5 / np.sqrt(size)
    # of n draws from m, m (1 - (1 - 1/m)^n) are distinct, here 86 %, with a standard deviation below √m / 2
    distinct = 2**16 * (1 - (1 - 2.0**-16) ** size)
    assert abs(len(np.unique(draws)) - distinct) < 5 * 2**8 / 2


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.999, 1 - 2.0**-16])
def test_dropout_zeroes_at_its_rate_and_scales_the_rest_to_keep_the_mean(rate):
    examples, elements = 8, 40_001
    ones = jnp.ones((examples, elements))
    y = np.asarray(Dropout(rate).apply({}, ones, Mode(train=True, keys=KEYS)))
    n = examples * elements
    deviation = np.sqrt(rate * (1 - rate) / n)
    assert abs((y == 0).mean() - rate) < 5 * deviation + 2.0**-17
    np.testing.assert_allclose(y[y != 0], 1 / (1 - round(rate * 2**16) / 2**16), rtol=1e-6)  # by its rounded rate
    assert (y == 0).mean(axis=1).std() < 5 * np.sqrt(examples) * deviation  # all examples alike


def test_dropout_at_a_rate_below_its_resolution_changes_nothing():
    ones = jnp.ones((8, 100))
    for rate in (0.0, 2.0**-18):
        np.testing.assert_array_equal(Dropout(rate).apply({}, ones, Mode(train=True, keys=KEYS)), ones)


def test_dropout_of_everything_is_finite():
    y = Dropout(1.0).apply({}, jnp.ones((8, 100)), Mode(train=True, keys=KEYS))
    assert np.isfinite(y).all()
