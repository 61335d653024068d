"""A Linen module as a Network: its inputs, its outputs, and the state that changes."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.nets.layers import BatchNorm
from gan_jax.nets.linen import from_linen
from gan_jax.types import Mode

X = jax.random.normal(jax.random.key(0), (6, 3))
KEYS = jax.random.split(jax.random.key(1), 6)


class Plain(nn.Module):
    @nn.compact
    def __call__(self, x, condition, mode):
        x = nn.Dense(2)(x)
        return nn.Dropout(0.5)(x, deterministic=not mode.train)


class Normalised(nn.Module):
    @nn.compact
    def __call__(self, x, condition, mode):
        return BatchNorm()(nn.Dense(2)(x), condition, mode)


def test_params_and_stats_are_plain_dicts_and_stats_are_empty_without_collections():
    params, stats = from_linen(Plain()).init(jax.random.key(0), X, None)
    assert type(params) is dict
    assert stats == {}
    params, stats = from_linen(Normalised()).init(jax.random.key(0), X, None)
    assert type(params) is type(stats) is dict
    assert set(stats) == {"batch_stats"}


def test_stats_change_in_training_only_and_keep_their_structure():
    network = from_linen(Normalised())
    params, stats = network.init(jax.random.key(0), X, None)
    _, same = network.apply(params, stats, X, None, Mode())
    assert same is stats
    _, moved = network.apply(params, stats, X, None, Mode(train=True))
    assert jax.tree.structure(moved) == jax.tree.structure(stats)
    mean = jnp.mean(X @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"][None], axis=0)
    np.testing.assert_allclose(moved["batch_stats"]["BatchNorm_0"]["BatchNorm_0"]["mean"], 0.01 * mean, 1e-4)


def test_linens_own_dropout_draws_from_the_keys():
    network = from_linen(Plain())
    params, stats = network.init(jax.random.key(0), X, None)
    y, _ = network.apply(params, stats, X, None, Mode())
    dropped, _ = network.apply(params, stats, X, None, Mode(train=True, keys=KEYS))
    again, _ = network.apply(params, stats, X, None, Mode(train=True, keys=KEYS))
    np.testing.assert_array_equal(dropped, again)
    assert np.any(dropped == 0)
    np.testing.assert_allclose(dropped[dropped != 0], 2 * y[dropped != 0], 1e-6)


def test_a_network_scans():
    network = from_linen(Normalised())
    params, stats = jax.jit(network.init)(jax.random.key(0), X, None)
    final, _ = jax.lax.scan(
        lambda stats, x: network.apply(params, stats, x, None, Mode(train=True))[::-1],
        stats,
        jnp.stack([X, X]),
    )
    assert jax.tree.structure(final) == jax.tree.structure(stats)
