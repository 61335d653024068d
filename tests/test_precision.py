"""bfloat16 in the networks alone: activations halve; parameters, statistics, losses and norms of penalties don't."""

import functools
import json
from collections.abc import Iterator
from pathlib import Path

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.extend.core import jaxprs_in_params
from toys import make_game, start, terms_of

from gan_jax import losses, parallel, penalties, priors
from gan_jax.cli import main as cli
from gan_jax.constraints import spectral_norm
from gan_jax.nets import dcgan, mlp, resnet
from gan_jax.nets.conv import Conv, ConvTranspose
from gan_jax.nets.equalized import modulated_conv
from gan_jax.nets.linen import from_linen
from gan_jax.objectives import add, scale
from gan_jax.play import Metrics
from gan_jax.types import Batch, Mode, Network, Players, TrainState
from gan_jax.update import Update, make_update

CRITICS = {
    "mlp": lambda: mlp.critic(width=32),
    "dcgan": lambda: dcgan.critic(width=4),
    "resnet": lambda: resnet.critic(width=4),
    "spectral norm": lambda: spectral_norm(dcgan.critic(width=4)),
}
KEY = jax.random.key(0)


class OneLayer(nn.Module):
    layer: nn.Module

    def __call__(self, x, condition, mode):
        return self.layer(x)


def saved_for_the_gradient(critic: Network, dtype) -> int:
    """Bytes that are kept between a forward pass over many images and the backward pass."""
    x = jax.ShapeDtypeStruct((64, 32, 32, 3), jnp.float32)
    keys = jax.eval_shape(lambda: jax.random.split(KEY, 64))
    params, stats = jax.eval_shape(lambda x: critic.init(KEY, x[:1], None), x)

    def forward(params, stats, x, keys):
        mode = Mode(train=True, keys=keys, dtype=dtype)
        return jax.vjp(lambda params, x: critic.apply(params, stats, x, None, mode)[0], params, x)

    backward = jax.eval_shape(forward, params, stats, x, keys)[1]
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(backward) if leaf.shape[:1] == (64,))


@pytest.mark.parametrize("make", CRITICS.values(), ids=CRITICS)
def test_activations_take_half_the_memory(make):
    assert saved_for_the_gradient(make(), jnp.bfloat16) <= 0.6 * saved_for_the_gradient(make(), None)


def products(jaxpr) -> Iterator[tuple[str, set]]:
    """The name and types of every product and convolution, also within loops and calls."""
    for equation in jaxpr.eqns:
        if equation.primitive.name == "dot_general" or "conv" in equation.primitive.name.split("_")[:2]:
            yield equation.primitive.name, {variable.aval.dtype for variable in equation.invars}
        for inner in jaxprs_in_params(equation.params):
            yield from products(inner)


NETS = Players(dcgan.critic(width=2, dropout=0.1), dcgan.generator(width=2))
BATCHES = Players(*[Batch(jnp.linspace(-1, 1, 8 * 784).reshape(1, 8, 28, 28, 1))] * 2)
OPTIMIZERS = Players(optax.sgd(0.01), optax.sgd(0.01))
PRIOR = priors.normal(4)


def wgan_gp(dtype, axis_name=None) -> Update:
    objective = add(adversarial=losses.wasserstein(), penalty=scale(penalties.gradient_penalty(), 10.0))
    return make_update(NETS, objective, OPTIMIZERS, PRIOR, dtype=dtype, axis_name=axis_name)


@functools.cache
def first_state() -> TrainState:
    return start(NETS, losses.wasserstein(), OPTIMIZERS, PRIOR, BATCHES)


@functools.cache
def halved() -> tuple[TrainState, Metrics]:
    """After one update in bfloat16."""
    return jax.jit(wgan_gp(jnp.bfloat16))(first_state(), BATCHES, KEY)


def test_every_product_of_a_wgan_gp_update_is_of_bfloat16():
    jaxpr = jax.make_jaxpr(wgan_gp(jnp.bfloat16))(first_state(), BATCHES, KEY).jaxpr
    found = list(products(jaxpr))
    assert len(found) > 30
    assert {dtype for _, dtypes in found for dtype in dtypes} == {jnp.dtype(jnp.bfloat16)}


def test_an_update_keeps_its_state_in_float32_and_is_near_that_of_float32():
    half, metrics = halved()
    whole, expected = jax.jit(wgan_gp(None))(first_state(), BATCHES, KEY)
    for a, b in zip(jax.tree.leaves(half), jax.tree.leaves(whole), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, atol=0.02)
    for name, value in metrics.items():
        assert value.dtype == jnp.float32
        np.testing.assert_allclose(value, expected[name], rtol=0.05, atol=0.05)
    assert any(not np.array_equal(a, b) for a, b in zip(jax.tree.leaves(half), jax.tree.leaves(whole)))


@pytest.mark.exhaustive
def test_pmap_agrees_with_jit_in_bfloat16():
    state = jax.tree.map(jnp.copy, first_state())  # it is donated
    many, _ = parallel.pmap(wgan_gp(jnp.bfloat16, parallel.AXIS))(state, BATCHES, KEY)
    for a, b in zip(jax.tree.leaves(halved()[0]), jax.tree.leaves(many), strict=True):
        np.testing.assert_allclose(a, b, atol=0.01)


def test_spectral_norm_finds_and_divides_by_sigma_in_full_float32():
    critic = spectral_norm(Network(lambda *_: ({"w": jnp.ones((3, 2))}, {}), lambda params, stats, *_: (params, stats)))

    def sigma(params, stats):
        return critic.apply(params, critic.advance(params, stats), jnp.ones(1), None, Mode())[0]

    def total(params, stats):
        return jnp.sum(sigma(params, stats)["w"])

    text = jax.jit(jax.grad(total)).lower(*critic.init(KEY, jnp.ones(1), None)).as_text()
    assert text.count("stablehlo.dot_general") == text.count("precision = [HIGHEST, HIGHEST]") >= 4


@pytest.mark.parametrize("layer", [Conv, ConvTranspose])
def test_the_gradient_of_a_bias_is_summed_in_float32(layer):
    """Over 65,536 positions. A sum of ones in bfloat16 stops at 256."""
    x, network = jnp.ones((16, 64, 64, 1)), from_linen(OneLayer(layer(2, (3, 3))))
    params, _ = network.init(KEY, x, None)

    def total(params):
        return jnp.sum(network.apply(params, {}, x, None, Mode(dtype=jnp.bfloat16))[0])

    (gradient,) = [leaf for leaf in jax.tree.leaves(jax.grad(total)(params)) if leaf.ndim == 1]
    np.testing.assert_array_equal(gradient, [65_536, 65_536])


def test_the_gradient_of_a_style_is_summed_in_float32():
    x, w = jnp.ones((1, 64, 64, 1), jnp.bfloat16), jnp.ones((1, 1, 1, 1), jnp.bfloat16)
    styles = jnp.ones((1, 1), jnp.bfloat16)
    gradient = jax.grad(lambda styles: jnp.sum(modulated_conv(x, w, styles, demodulate=False)))(styles)
    np.testing.assert_array_equal(gradient, 4096)


def test_norm_of_a_penalty_is_summed_in_float32():
    size = 4097  # the sum of ones, which bfloat16 can't represent
    ones = jnp.ones((3, size), jnp.bfloat16)
    penalty = terms_of(penalties.r1(), "critic", make_game(lambda x: jnp.sum(x, 1), ones, ones))
    assert penalty.dtype == jnp.float32
    np.testing.assert_array_equal(penalty, size / 2)


@pytest.mark.exhaustive
def test_a_run_and_its_resumption_compute_in_the_given_precision(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = str(Path(__file__).parent.parent / "experiments" / "wgan_gp_points.py")
    small = ["--width", "8", "--batch-size", "8", "--log-every", "1", "--save-every", "1", "--num-samples", "4"]
    for name, steps, *more in (("half", 2, "--precision", "bf16"), ("whole", 1), ("parts", 1, "--precision", "bf16")):
        cli.main(["train", file, "--run-dir", name, "--steps", str(steps), *small, *more])
    cli.main(["resume", "parts", "--steps", "2"])
    half, whole, parts = ((Path(name) / "metrics.jsonl").read_text() for name in ("half", "whole", "parts"))
    assert half == parts
    first, other = (json.loads(text.splitlines()[0])["critic/loss"] for text in (half, whole))
    assert first != other
    assert first == pytest.approx(other, abs=0.02)
