"""Critics that say more than logits, critics that reconstruct, and the spread of a minibatch."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import played

from gan_jax import losses, penalties
from gan_jax.constraints import packed, spectral_norm
from gan_jax.nets import (
    biggan,
    dcgan,
    from_linen,
    gan3d,
    language,
    mlp,
    r3gan,
    radford,
    resnet,
    stylegan2,
    vgan,
    wavegan,
)
from gan_jax.nets.layers import MinibatchStd
from gan_jax.nets.reconstruct import autoencoder, reconstructing
from gan_jax.objectives import add
from gan_jax.types import Mode, Network, Output, Players

KEY, B = jax.random.key(0), 4
CRITICS = {
    "mlp": (functools.partial(mlp.critic, width=4), (2,)),
    "dcgan": (functools.partial(dcgan.critic, width=2), (8, 8, 1)),
    "resnet": (functools.partial(resnet.critic, width=2), (8, 8, 1)),
    "radford": (functools.partial(radford.critic, width=2), (8, 8, 1)),
    "r3gan": (functools.partial(r3gan.critic, widths=(4, 2), blocks=1, group_size=2), (6, 6, 1)),
    "biggan": (functools.partial(biggan.critic, widths=(4, 4), halvings=1, attention=()), (8, 8, 1)),
    "stylegan2": (functools.partial(stylegan2.critic, widths=(4, 2)), (6, 6, 1)),
    "vgan": (functools.partial(vgan.critic, width=2, shape=(8, 8, 8, 1)), (8, 8, 8, 1)),
    "gan3d": (functools.partial(gan3d.critic, width=2), (8, 8, 8, 1)),
    "wavegan": (functools.partial(wavegan.critic, width=2), (1024, 1)),
    "language": (functools.partial(language.critic, width=2), (8, 4)),
}


@pytest.mark.parametrize(
    "name", [name if name in ("mlp", "dcgan") else pytest.param(name, marks=pytest.mark.exhaustive) for name in CRITICS]
)
def test_a_critic_with_heads_gives_the_same_logits_its_features_and_linear_maps_of_them(name):
    make, shape = CRITICS[name]
    x = jax.random.normal(KEY, (B, *shape))
    critic, plain = make(heads={"classes": 3, "codes": 2}), make()
    params, stats = critic.init(KEY, x, None)
    (y, extra), _ = critic.apply(params, stats, x, None, Mode())
    assert (y.shape, extra.keys()) == ((B,), {"features", "classes", "codes"})
    for head, size in (("classes", 3), ("codes", 2)):
        assert extra[head].shape == (B, size)
        own = params[head]
        np.testing.assert_allclose(
            extra[head], extra["features"] @ own["kernel"] + own["bias"][None], rtol=1e-4, atol=1e-5
        )
    without = {name: value for name, value in params.items() if name not in ("classes", "codes")}
    np.testing.assert_array_equal(plain.apply(without, stats, x, None, Mode())[0], y)


@pytest.mark.parametrize("wrap", [spectral_norm, lambda critic: packed(critic, 1), lambda critic: packed(critic, 2)])
def test_wrappers_pass_the_heads_on(wrap):
    critic = wrap(mlp.critic(width=4, heads={"classes": 3}))
    x = jax.random.normal(KEY, (B, 2))
    params, stats = critic.init(KEY, x[:1], None)
    output, _ = critic.apply(params, stats, x, None, Mode())
    assert isinstance(output, Output)
    assert (output.y.shape, output.extra["classes"].shape) == ((B,), (B, 3))


# ---- Reconstruction


def times(factor: float) -> Network:
    return Network(lambda *_: ({}, {}), lambda params, stats, x, condition, mode: (factor * x, stats))


def test_a_reconstructing_critic_gives_minus_the_mean_absolute_error():
    x = jax.random.normal(KEY, (B, 3, 2))
    y, _ = reconstructing(times(0.25)).apply({}, {}, x, None, Mode())
    np.testing.assert_allclose(y, -0.75 * np.abs(x).mean((1, 2)), rtol=1e-5)


def test_a_reconstruction_of_another_shape_is_refused():
    flat = Network(lambda *_: ({}, {}), lambda params, stats, x, condition, mode: (x[:, 0], stats))
    with pytest.raises(ValueError, match=r"has the shape of the examples: \(4, 2\) isn't \(4, 3, 2\)"):
        reconstructing(flat).apply({}, {}, jnp.ones((B, 3, 2)), None, Mode())


@pytest.mark.parametrize("wrap", [lambda network: network, spectral_norm], ids=["plain", "spectral norm"])
def test_an_autoencoder_is_the_decoder_of_the_encoders_code(wrap):
    encoder, decoder = wrap(mlp.critic(width=8, heads={"code": 3})), mlp.generator((2,), width=8)
    network, x = autoencoder(encoder, decoder), jax.random.normal(KEY, (B, 2))
    params, stats = network.init(KEY, x[:1], None)
    stats = network.advance(params, stats)
    y, _ = network.apply(params, stats, x, None, Mode())
    code = encoder.apply(params["encoder"], stats.get("encoder", {}), x, None, Mode())[0].extra["code"]
    np.testing.assert_array_equal(y, decoder.apply(params["decoder"], {}, code, None, Mode())[0])
    assert not network.mixes_examples(stats)


def test_an_autoencoder_mixes_examples_if_either_half_does():
    encoder = dcgan.critic(width=2, heads={"code": 3})
    network = autoencoder(encoder, dcgan.generator(width=2, shape=(8, 8, 1)))  # which has batch statistics
    _, stats = jax.eval_shape(lambda: network.init(KEY, jnp.ones((1, 8, 8, 1)), None))
    assert network.mixes_examples(stats)


def test_an_encoder_without_a_code_is_refused():
    for encoder in (mlp.critic(width=8), mlp.critic(width=8, heads={"other": 3})):
        with pytest.raises(ValueError, match=r"the encoder gives no 'code': build it with heads=\{'code': size\}"):
            autoencoder(encoder, mlp.generator((2,))).init(KEY, jnp.ones((1, 2)), None)


@pytest.mark.exhaustive
def test_began_trains_an_autoencoder_against_a_generator():
    critic = reconstructing(autoencoder(mlp.critic(width=8, heads={"code": 3}), mlp.generator((2,), width=8)))
    x = np.random.default_rng(0).normal(size=(2, B, 2)).astype(np.float32)
    sgd = Players(optax.sgd(0.02), optax.sgd(0.02))
    nets = Players(critic, mlp.generator((2,), width=8))
    *_, metrics = played(nets, losses.began(rate=0.1), sgd, x, updates=30)
    *_, first = played(nets, losses.began(rate=0.1), sgd, x, updates=1)
    assert metrics["critic/logits_real"] > first["critic/logits_real"]  # it reconstructs better


# ---- The spread of a minibatch


def test_minibatch_std_is_the_mean_deviation_within_each_group():
    x = np.random.default_rng(0).normal(size=(6, 3, 2, 5)).astype(np.float32)
    y = np.asarray(MinibatchStd(3).apply({}, jnp.asarray(x)))
    assert y.shape == (6, 3, 2, 6)
    np.testing.assert_array_equal(y[..., :5], x)
    for first in (0, 3):
        np.testing.assert_allclose(y[first : first + 3, ..., 5], x[first : first + 3].std(axis=0).mean(), rtol=1e-5)


def test_minibatch_std_is_the_same_on_devices_that_no_group_straddles_and_an_error_on_others():
    x = jax.random.normal(KEY, (8, 3))
    apply = functools.partial(MinibatchStd(4).apply, {})
    np.testing.assert_array_equal(apply(x), jax.vmap(apply)(x.reshape(2, 4, 3)).reshape(8, 4))
    with pytest.raises(ValueError, match="2 examples on a device don't make groups of 4; use another batch size"):
        jax.vmap(apply)(x.reshape(4, 2, 3))
    with pytest.raises(ValueError, match="don't make groups of 0"):
        MinibatchStd(0).apply({}, x)


class WithSpread(nn.Module):
    @nn.compact
    def __call__(self, x, condition, mode):
        return nn.Dense(1, name="last")(MinibatchStd(4)(nn.relu(nn.Dense(4)(x))))[:, 0]


def test_a_critic_with_minibatch_std_trains_and_is_refused_a_penalty_if_it_says_that_it_mixes():
    x = np.random.default_rng(0).normal(size=(2, 8, 2)).astype(np.float32)
    sgd = Players(optax.sgd(0.1), optax.sgd(0.1))
    nets = Players(from_linen(WithSpread(), mixes_examples=True), mlp.generator((2,), width=4))
    before, after, _ = played(nets, losses.hinge(), sgd, x)
    assert after.params.critic["last"]["kernel"][-1] != before.params.critic["last"]["kernel"][-1]
    with pytest.raises(ValueError, match="its logits mix the examples of a batch"):
        played(nets, add(adversarial=losses.hinge(), r1=penalties.r1()), sgd, x)


def test_minibatch_std_of_equal_examples_has_a_finite_gradient():
    gradient = jax.grad(lambda x: MinibatchStd(4).apply({}, x)[..., -1].sum())(jnp.ones((4, 3)))
    assert np.isfinite(gradient).all()
