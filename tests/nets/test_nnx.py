"""An NNX module as a Network: its names, its statistics, its dropout, and the same module in Linen."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from adapted import MINIMAX, PENALISED, check_everywhere, linens
from flax import nnx

from gan_jax.constraints import packed, spectral_norm
from gan_jax.nets.nnx import from_nnx
from gan_jax.trees import named
from gan_jax.types import Mode, Output, Players

KEYS = jax.random.split(jax.random.key(1), 6)
X = jax.random.normal(jax.random.key(0), (6, 4, 4, 1))
TRAIN = Mode(train=True, keys=KEYS)


class Perceptron(nnx.Module):
    def __init__(self, rngs):
        self.body = nnx.Sequential(nnx.Linear(16, 5, rngs=rngs), nnx.tanh, nnx.Linear(5, 1, rngs=rngs))

    def __call__(self, x):
        return self.body(x.reshape(len(x), -1))[:, 0]


class Convolved(nnx.Module):
    def __init__(self, rngs, channels=1):
        self.conv = nnx.Conv(channels, 3, (3, 3), use_bias=False, rngs=rngs)
        self.norm = nnx.BatchNorm(3, rngs=rngs)
        self.last = nnx.Linear(3, 1, rngs=rngs)

    def __call__(self, x):
        return self.last(nnx.tanh(self.norm(self.conv(x))).mean((1, 2)))[:, 0]


class Generator(nnx.Module):
    def __init__(self, rngs):
        self.first, self.norm = nnx.Linear(3, 8, use_bias=False, rngs=rngs), nnx.BatchNorm(8, momentum=0.5, rngs=rngs)
        self.last = nnx.Linear(8, 16, rngs=rngs)

    def __call__(self, z):
        return self.last(nnx.tanh(self.norm(self.first(z)))).reshape(-1, 4, 4, 1)


class Dropping(nnx.Module):
    """Ones, of which two layers of dropout leave some."""

    def __init__(self, rngs):
        self.dropout = nnx.List([nnx.Dropout(0.5, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)])

    def __call__(self, x):
        return jnp.stack([drop(jnp.ones((len(x), 100))) for drop in self.dropout], 1)


def made(network, x=X):
    return jax.jit(network.init)(jax.random.key(0), x[:1], None)


def test_params_and_stats_are_plain_dicts_of_the_attributes_names():
    params, stats = made(from_nnx(Perceptron))
    assert list(named(params)) == [f"body/layers/{n}/{name}" for n in (0, 2) for name in ("bias", "kernel")]
    assert stats == {}
    params, stats = made(from_nnx(Convolved))
    assert {type(tree) for tree in (params, params["norm"], stats, stats["norm"])} == {dict}
    assert list(named(stats)) == ["norm/mean", "norm/var"]


def test_streams_of_random_numbers_are_no_statistics():
    network = from_nnx(Dropping)
    assert made(network) == ({}, {})
    assert not network.mixes_examples({})


def test_a_dense_network_and_its_slopes_are_linens():
    network = from_nnx(Perceptron)
    params, _ = made(network)

    def body(x, mode):
        hidden = nn.tanh(nn.Dense(5, name="0")(x.reshape(len(x), -1)))
        return nn.Dense(1, name="2")(hidden)[:, 0]

    def value_and_slope(network, params):
        return jax.value_and_grad(lambda x: jnp.sum(jnp.sin(network.apply(params, {}, x, None, TRAIN)[0])))(X)

    expected = value_and_slope(linens(body), params["body"]["layers"])
    for ours, theirs in zip(value_and_slope(network, params), expected):
        np.testing.assert_allclose(ours, theirs, 1e-5, 1e-6)


@pytest.mark.parametrize("mode", [Mode(), TRAIN])
def test_convolution_and_batch_norm_are_linens(mode):
    network = from_nnx(Convolved)
    params, stats = made(network)
    stats = jax.tree.map(lambda x: x + 0.5, stats)

    def body(x, mode):
        x = nn.Conv(3, (3, 3), use_bias=False, name="conv")(x)
        x = nn.BatchNorm(not mode.train, epsilon=1e-5, name="norm")(x)
        return nn.Dense(1, name="last")(nn.tanh(x).mean((1, 2)))[:, 0]

    theirs = linens(body)
    y, moved = jax.jit(network.apply)(params, stats, X, None, mode)
    expected, expected_stats = jax.jit(theirs.apply)(params, {"batch_stats": stats}, X, None, mode)
    np.testing.assert_allclose(y, expected, 1e-5, 1e-6)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, 1e-5, 1e-6), {"batch_stats": moved}, dict(expected_stats)
    )
    assert jax.tree.all(jax.tree.map(np.array_equal, moved, stats)) != mode.train


def test_a_penalised_game_is_the_same_on_many_devices_and_for_many_seeds():
    class Normed(Perceptron):
        def __init__(self, rngs):
            super().__init__(rngs)
            self.norm = nnx.LayerNorm(16, rngs=rngs)  # its `axis_name` is for features that are split

        def __call__(self, x):
            return super().__call__(self.norm(x.reshape(len(x), -1)))

    check_everywhere(Players(from_nnx(Normed), from_nnx(Generator)), PENALISED)


@pytest.mark.exhaustive
def test_a_packed_critic_with_spectral_norm_and_batch_norm_is_the_same_on_many_devices():
    critic = packed(spectral_norm(from_nnx(lambda rngs: Convolved(rngs, 2))), 2)
    _, stats = jax.jit(critic.init)(jax.random.key(0), X[:1], None)
    assert set(stats["spectral"]) == {"conv/kernel", "last/kernel"}
    check_everywhere(Players(critic, from_nnx(Generator)), MINIMAX)


def test_dropout_draws_from_the_keys_and_differs_between_layers():
    network = from_nnx(Dropping)

    def masks(keys, train=True):
        return np.asarray(jax.jit(network.apply)({}, {}, X, None, Mode(train=train, keys=keys))[0])

    assert set(np.unique(masks(KEYS))) == {0, 2}
    assert (masks(None, train=False) == 1).all()
    np.testing.assert_array_equal(masks(KEYS), masks(KEYS))
    seen = [mask.tobytes() for keys in (KEYS, KEYS[1:]) for mask in masks(keys).reshape(-1, 100)]
    assert len(set(seen)) == 24
    with pytest.raises(ValueError, match=r"mode\.keys"):
        network.apply({}, {}, X, None, Mode(train=True))


def test_a_stream_of_several_keys_keeps_its_shape():
    class Several(nnx.Module):
        def __init__(self, rngs):
            self.stream = nnx.RngStream(jax.random.split(rngs.noise(), 3), tag="noise")

        def __call__(self, x):
            return jax.vmap(jax.random.normal)(self.stream.key[...])

    y, _ = from_nnx(Several).apply({}, {}, X, None, TRAIN)
    assert len(np.unique(y)) == 3


def test_in_bfloat16_layers_compute_in_it_and_statistics_keep_float32():
    seen = []

    class Watching(Convolved):
        def __call__(self, x):
            hidden = self.conv(x)
            seen.extend([hidden.dtype, self.norm(hidden).dtype])
            return super().__call__(x)

    network = from_nnx(Watching)
    params, stats = made(network)
    y, moved = network.apply(params, stats, X, None, Mode(train=True, dtype=jnp.bfloat16))
    assert seen == [jnp.bfloat16] * 2
    assert {leaf.dtype for leaf in jax.tree.leaves((y, moved))} == {np.dtype("float32")}
    expected, _ = network.apply(params, stats, X, None, Mode(train=True))
    np.testing.assert_allclose(y, expected, atol=0.05)


@pytest.mark.parametrize(
    "make",
    [Perceptron, lambda rngs: nnx.Sequential(lambda x: x.reshape(len(x), -1), nnx.Linear(16, 1, rngs=rngs))],
    ids=["a module", "a sequence of layers"],
)
def test_labels_do_not_reach_a_module_that_takes_none(make):
    network = from_nnx(make)
    variables = made(network)
    labelled, unlabelled = (network.apply(*variables, X, labels, Mode())[0] for labels in (jnp.arange(6), None))
    np.testing.assert_array_equal(labelled, unlabelled)


def test_a_module_is_called_with_the_condition_if_there_is_one():
    class Conditional(nnx.Module):
        def __init__(self, rngs):
            self.embed = nnx.Embed(3, 16, rngs=rngs)

        def __call__(self, x, condition):
            return Output(jnp.sum(self.embed(condition) * x.reshape(len(x), -1), -1), {"label": condition})

    network, label = from_nnx(Conditional), jnp.arange(6) % 3
    params, stats = network.init(jax.random.key(0), X, label)
    (y, extra), _ = network.apply(params, stats, X, label, Mode())
    expected = jnp.einsum("bf,bf->b", params["embed"]["embedding"][label], X.reshape(6, -1))
    np.testing.assert_allclose(y, expected, 1e-5)
    np.testing.assert_array_equal(extra["label"], label)


def test_a_function_of_the_user_calls_a_module_of_any_form():
    class Odd(nnx.Module):
        def __init__(self, rngs):
            self.last = nnx.Linear(16, 1, rngs=rngs)

        def forward(self, x, keys):
            return self.last(x.reshape(len(x), -1))[:, 0] + jax.vmap(jax.random.normal)(keys)

    network = from_nnx(Odd, lambda module, x, condition, mode: module.forward(x, mode.keys), mixes_examples=True)
    y, _ = network.apply(*made(network), X, None, TRAIN)
    assert y.shape == (6,)
    assert network.mixes_examples({})


def test_statistics_of_another_norm_and_shared_parameters_are_found():
    class Moving(nnx.Module):
        def __init__(self, rngs):
            self.count, self.one = nnx.BatchStat(jnp.array(0)), nnx.Linear(16, 16, rngs=rngs)
            self.two = self.one

        def __call__(self, x):
            self.count[...] += 1
            self.sown = nnx.Intermediate(x)
            return jnp.sum(self.two(self.one(x.reshape(len(x), -1))), -1)

    network = from_nnx(Moving)
    params, stats = made(network)
    assert list(named(params)) == ["one/bias", "one/kernel"]
    assert not stats["count"].weak_type
    y, moved = jax.jit(network.apply)(params, stats, X, None, TRAIN)
    assert (list(moved), int(moved["count"])) == (["count"], 1)
    kernel, bias = params["one"]["kernel"], params["one"]["bias"][None]
    expected = jnp.sum((X.reshape(6, -1) @ kernel + bias) @ kernel + bias, -1)
    np.testing.assert_allclose(y, expected, 1e-4, 1e-5)


def test_plain_arrays_are_constants_among_the_statistics():
    class Scaled(nnx.Module):
        def __init__(self, rngs):
            self.scale = jax.random.normal(rngs(), (16,))

        def __call__(self, x):
            return x.reshape(len(x), -1) @ self.scale

    network = from_nnx(Scaled, mixes_examples=False)
    params, stats = made(network)
    assert (params, list(stats)) == ({}, ["scale"])
    y, after = jax.jit(network.apply)(params, stats, X, None, TRAIN)
    np.testing.assert_allclose(y, X.reshape(6, -1) @ stats["scale"], 1e-4, 1e-5)
    np.testing.assert_array_equal(after["scale"], stats["scale"])
