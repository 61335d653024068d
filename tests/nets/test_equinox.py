"""An Equinox module as a Network: its names, its state, its keys, and the same module in Linen."""

import sys

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from adapted import MINIMAX, PENALISED, check_everywhere, linens
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from gan_jax.errors import UserError
from gan_jax.nets.equinox import EXAMPLES, from_equinox
from gan_jax.trees import named
from gan_jax.types import Mode, Output, Players

eqx = pytest.importorskip("equinox")

KEYS = jax.random.split(jax.random.key(1), 6)
X = jax.random.normal(jax.random.key(0), (6, 4, 4, 1))
TRAIN = Mode(train=True, keys=KEYS)
RELU = eqx.nn.Lambda(jax.nn.relu)


class Perceptron(eqx.Module):
    layers: eqx.nn.MLP
    dropout: eqx.nn.Dropout

    def __init__(self, key, rate=0.25):
        self.layers = eqx.nn.MLP(16, "scalar", 5, 1, jnp.tanh, key=key)
        self.dropout = eqx.nn.Dropout(rate)

    def __call__(self, x, *, key=None):
        return self.layers(self.dropout(x.ravel(), key=key))


def convolved(key):
    """[4, 4, 1] -> []."""
    first, last = jax.random.split(key)
    layers = [
        eqx.nn.Lambda(lambda x: jnp.moveaxis(x, -1, 0)),
        eqx.nn.Conv2d(1, 3, 3, padding=1, use_bias=False, key=first),
        eqx.nn.BatchNorm(3, "any", mode="batch"),
        eqx.nn.Lambda(lambda x: jnp.tanh(x).mean((1, 2))),
        eqx.nn.Linear(3, "scalar", key=last),
    ]
    return eqx.nn.Sequential(layers)


def generator(key, mode="batch"):
    first, last = jax.random.split(key)
    layers = [
        eqx.nn.Linear(3, 8, use_bias=False, key=first),
        eqx.nn.BatchNorm(8, "batch", momentum=0.5, mode=mode),
        RELU,
        eqx.nn.Linear(8, 16, key=last),
        eqx.nn.Lambda(lambda x: x.reshape(4, 4, 1)),
    ]
    return eqx.nn.Sequential(layers)


def made(network, x=X):
    return jax.jit(network.init)(jax.random.key(0), x[:1], None)


def test_params_and_stats_are_plain_dicts_of_the_attributes_names():
    params, stats = made(from_equinox(Perceptron))
    assert list(named(params)) == [f"layers/layers/{n}/{name}" for n in (0, 1) for name in ("bias", "weight")]
    assert stats == {}
    params, stats = made(from_equinox(convolved))
    assert list(named(params)) == ["layers/1/weight", *(f"layers/{n}/{x}" for n in (2, 4) for x in ("bias", "weight"))]
    assert list(named(stats)) == ["layers/2/batch_counter", *(f"layers/2/batch_state_index/{n}" for n in (0, 1))]
    assert {type(tree) for tree in (params, params["layers"], stats, stats["layers"])} == {dict}
    assert not any(leaf.weak_type for leaf in jax.tree.leaves((params, stats)))


def test_a_dense_network_and_its_slopes_are_linens():
    network = from_equinox(lambda key: Perceptron(key, rate=0))
    params, _ = made(network)

    def body(x, mode):
        hidden = jnp.tanh(nn.Dense(5, name="0")(x.reshape(len(x), -1)))
        return nn.Dense(1, name="1")(hidden)[:, 0]

    def value_and_slope(network, params):
        return jax.value_and_grad(lambda x: jnp.sum(jnp.sin(network.apply(params, {}, x, None, TRAIN)[0])))(X)

    layers = params["layers"]["layers"]
    theirs = {name: {"kernel": layer["weight"].T, "bias": layer["bias"]} for name, layer in layers.items()}
    for ours, expected in zip(value_and_slope(network, params), value_and_slope(linens(body), theirs)):
        np.testing.assert_allclose(ours, expected, 1e-5, 1e-6)


def test_convolution_and_batch_norm_are_linens():
    network = from_equinox(convolved)
    params, stats = made(network)

    def body(x, mode):
        x = nn.Conv(3, (3, 3), use_bias=False, name="1")(x)
        x = nn.BatchNorm(not mode.train, epsilon=1e-5, use_fast_variance=False, name="2")(x)
        return nn.Dense(1, name="4")(jnp.tanh(x).mean((1, 2)))[:, 0]

    conv, norm, last = (params["layers"][name] for name in "124")
    theirs = {
        "1": {"kernel": jnp.transpose(conv["weight"], (2, 3, 1, 0))},
        "2": {"scale": norm["weight"], "bias": norm["bias"]},
        "4": {"kernel": last["weight"].T, "bias": last["bias"]},
    }
    batch_stats = {"2": {"mean": jnp.zeros(3), "var": jnp.ones(3)}}
    y, moved = jax.jit(network.apply)(params, stats, X, None, TRAIN)
    expected, collections = jax.jit(linens(body).apply)(theirs, {"batch_stats": batch_stats}, X, None, TRAIN)
    np.testing.assert_allclose(y, expected, 1e-4, 1e-5)
    mean, var = moved["layers"]["2"]["batch_state_index"].values()
    np.testing.assert_allclose(mean, collections["batch_stats"]["2"]["mean"], 1e-4, 1e-6)
    np.testing.assert_allclose(var, collections["batch_stats"]["2"]["var"], 1e-4, 1e-6)
    assert int(moved["layers"]["2"]["batch_counter"]) == 1
    _, same = network.apply(params, stats, X, None, Mode())
    assert same is stats


def test_a_penalised_game_with_dropout_is_the_same_on_many_devices_and_for_many_seeds():
    check_everywhere(Players(from_equinox(Perceptron), from_equinox(generator)), PENALISED)


@pytest.mark.exhaustive
def test_a_critics_batch_norm_is_the_same_on_many_devices():
    check_everywhere(Players(from_equinox(convolved), from_equinox(generator)), MINIMAX)


def test_a_batch_norm_of_running_statistics_trains_on_a_mesh_and_is_refused_under_pmap():
    network = from_equinox(lambda key: generator(key, mode="ema"))
    z = jax.random.normal(jax.random.key(0), (8, 3))
    params, stats = made(network, z)
    mesh = jax.make_mesh((8,), ("batch",), axis_types=(AxisType.Auto,))
    split = jax.device_put(z, NamedSharding(mesh, PartitionSpec("batch")))
    _, moved = jax.jit(network.apply)(params, stats, split, None, Mode(train=True))
    mean, _ = moved["layers"]["1"]["ema_state_index"].values()
    np.testing.assert_allclose(mean, (z @ params["layers"]["0"]["weight"].T).mean(0), 1e-4, 1e-6)
    assert not moved["layers"]["1"]["ema_first_time_index"]
    mode = Mode(train=True, axis_name="batch")
    with pytest.raises(UserError, match="make it with mode='batch'"):
        jax.pmap(lambda z: network.apply(params, stats, z, None, mode), axis_name="batch")(z[:, None])


def test_dropout_draws_from_each_examples_own_key():
    class Dropping(eqx.Module):
        dropout: eqx.nn.Dropout = eqx.nn.Dropout(0.5)

        def __call__(self, x, *, key=None):
            return self.dropout(jnp.ones(100), key=key)

    network = from_equinox(lambda key: Dropping())

    def masks(keys, train=True):
        x = X if keys is None else X[: len(keys)]
        return np.asarray(jax.jit(network.apply)({}, {}, x, None, Mode(train=train, keys=keys))[0])

    assert set(np.unique(masks(KEYS))) == {0, 2}
    assert len({mask.tobytes() for mask in masks(KEYS)}) == 6
    np.testing.assert_array_equal(np.concatenate([masks(KEYS[:2]), masks(KEYS[2:])]), masks(KEYS))
    assert (masks(None, train=False) == 1).all()


def test_in_bfloat16_layers_compute_in_it_and_the_state_keeps_float32():
    seen = []

    def watching(key):
        layers = list(convolved(key))
        return eqx.nn.Sequential([*layers[:3], eqx.nn.Lambda(lambda x: seen.append(x.dtype) or x), *layers[3:]])

    network = from_equinox(watching)
    params, stats = made(network)
    y, moved = network.apply(params, stats, X, None, Mode(train=True, dtype=jnp.bfloat16))
    assert seen == [jnp.bfloat16]
    assert {leaf.dtype for leaf in jax.tree.leaves((y, moved))} == {np.dtype("float32"), np.dtype("int32")}
    expected, _ = network.apply(params, stats, X, None, Mode(train=True))
    np.testing.assert_allclose(y, expected, atol=0.05)


def sequence(key):
    return eqx.nn.Sequential([eqx.nn.Lambda(jnp.ravel), eqx.nn.Linear(16, "scalar", key=key)])


@pytest.mark.parametrize("make", [Perceptron, convolved, sequence])
def test_labels_do_not_reach_a_module_that_takes_none(make):
    network = from_equinox(make)
    variables = made(network)
    labelled, unlabelled = (network.apply(*variables, X, labels, TRAIN)[0] for labels in (jnp.arange(6), None))
    np.testing.assert_array_equal(labelled, unlabelled)


def test_condition_and_state_come_after_x():
    class Conditional(eqx.Module):
        embed: eqx.nn.Embedding
        norm: eqx.nn.BatchNorm

        def __init__(self, key):
            self.embed, self.norm = eqx.nn.Embedding(3, 16, key=key), eqx.nn.BatchNorm(16, "batch", mode="batch")

        def __call__(self, x, condition, state, *, key=None):
            x, state = self.norm(x.ravel(), state)
            return Output(self.embed(condition) @ x, {"label": condition}), state

    network, label = from_equinox(Conditional), jnp.arange(6) % 3
    params, stats = network.init(jax.random.key(0), X, label)
    (y, extra), _ = network.apply(params, stats, X, label, TRAIN)
    x = X.reshape(6, -1)
    x = (x - x.mean(0, keepdims=True)) / jnp.sqrt(x.var(0, keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, jnp.einsum("bf,bf->b", params["embed"]["weight"][label], x), 1e-4, 1e-5)
    np.testing.assert_array_equal(extra["label"], label)


def test_a_function_of_the_user_calls_a_module_of_any_form():
    class Odd(eqx.Module):
        weight: jax.Array

        def batched(self, x):
            return (x - jax.lax.pmean(x, EXAMPLES)).ravel() @ self.weight

    def call(module, state, x, condition, mode):
        return jax.vmap(module.batched, axis_name=EXAMPLES)(x), state

    network = from_equinox(lambda key: Odd(jax.random.normal(key, (16,))), call, mixes_examples=True)
    params, stats = made(network)
    y, _ = network.apply(params, stats, X, None, TRAIN)
    np.testing.assert_allclose(jnp.sum(y), 0, atol=1e-5)
    assert network.mixes_examples(stats)


def test_arrays_that_are_no_parameters_are_constants_and_do_not_count_as_statistics():
    class Shuffled(eqx.Module):
        order: jax.Array
        weight: jax.Array

        def __init__(self, key):
            self.order, self.weight = jax.random.permutation(key, 16), jnp.ones(16)

        def __call__(self, x, *, key=None):
            return x.ravel()[self.order] @ self.weight

    network = from_equinox(Shuffled)
    params, stats = made(network)
    assert (list(params), list(stats)) == (["weight"], ["order"])
    y, after = jax.jit(network.apply)(params, stats, X, None, TRAIN)
    np.testing.assert_allclose(y, X.sum((1, 2, 3)), 1e-4, 1e-5)
    np.testing.assert_array_equal(after["order"], stats["order"])
    assert not network.mixes_examples(stats)
    assert from_equinox(convolved).mixes_examples({})


def test_without_equinox_one_line_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "equinox", None)
    with pytest.raises(UserError, match=r"^networks of Equinox need .* pip install 'gan-jax\[equinox\]'$"):
        from_equinox(Perceptron)
