"""Every family learns under spectral norm: no parameter stands still, none blows up, and no sample saturates.

With classes where there can be: their networks have every layer of those without.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import losses, priors
from gan_jax.constraints import spectral_norm
from gan_jax.nets import biggan, convlstm, dcgan, gan3d, language, mlp, radford, resnet, vgan, wavegan
from gan_jax.types import Batch, Mode, Players
from gan_jax.update import make_init, make_update

IMAGE, CLIP, SHORT = (8, 8, 1), (4, 16, 16, 1), (4, 8, 8, 1)
B, CLASSES = 6, 3
LABEL = jnp.arange(B) % CLASSES
GENERATORS = {
    "mlp": functools.partial(mlp.generator, width=4, depth=1, classes=CLASSES),
    "dcgan": functools.partial(dcgan.generator, width=2, classes=CLASSES, shape=IMAGE),
    "radford": functools.partial(radford.generator, width=2, classes=CLASSES, shape=IMAGE),
    "resnet": functools.partial(resnet.generator, width=2, classes=CLASSES, shape=IMAGE),
    "biggan": functools.partial(biggan.generator, widths=(4, 4), attention=(8,), classes=CLASSES, shape=IMAGE),
    "vgan": functools.partial(vgan.generator, width=2, classes=CLASSES, shape=SHORT),
    "convlstm": functools.partial(convlstm.generator, width=1, classes=CLASSES, shape=CLIP),
    "gan3d": functools.partial(gan3d.generator, width=2, side=8),
    "wavegan": functools.partial(wavegan.generator, width=1, length=1024),
    "language": functools.partial(language.generator, width=2, shape=(4, 5)),
}
CRITICS = {
    "mlp": (functools.partial(mlp.critic, width=4, depth=1, classes=CLASSES), (2,)),
    "dcgan": (functools.partial(dcgan.critic, width=2, classes=CLASSES), IMAGE),
    "radford": (functools.partial(radford.critic, width=2, classes=CLASSES), IMAGE),
    "resnet": (functools.partial(resnet.critic, width=2, classes=CLASSES), IMAGE),
    "biggan": (functools.partial(biggan.critic, widths=(4, 4), halvings=2, attention=(4,), classes=CLASSES), IMAGE),
    "vgan": (functools.partial(vgan.critic, width=2, classes=CLASSES, shape=SHORT), SHORT),
    "gan3d": (functools.partial(gan3d.critic, width=2), (8, 8, 8, 1)),
    "wavegan": (functools.partial(wavegan.critic, width=1), (1024, 1)),
    "language": (functools.partial(language.critic, width=2), (4, 5)),
}


def learn(network, x):
    """Three turns towards fixed values: parameters before and after, norms of gradients, and outputs."""
    mode = Mode(train=True, keys=jax.random.split(jax.random.key(1), B))

    def loss(params, stats):
        y, stats = network.apply(params, stats, x, LABEL, mode)
        return jnp.mean((y - jnp.linspace(-1, 1, y.size).reshape(y.shape)) ** 2), (stats, y)

    def turn(state, _):
        params, stats = state
        grads, (stats, y) = jax.grad(loss, has_aux=True)(params, network.advance(params, stats))
        return (jax.tree.map(lambda p, g: p - 0.1 * g, params, grads), stats), (optax.tree.norm(grads), y)

    begin = drawn(network, x)
    (params, _), (norms, y) = jax.jit(lambda begin: jax.lax.scan(turn, begin, None, length=3))(begin)
    return begin[0], params, norms, y[-1]


def drawn(network, x):
    """The result of `init`, with NumPy's random numbers: compiling JAX's takes longer than everything else."""
    random = np.random.default_rng(0)

    def draw(path, leaf):
        name = jax.tree_util.keystr(path[-1:], simple=True)
        if name in {"bias", "mean", "scale", "var"}:
            return np.full(leaf.shape, name in {"scale", "var"}, leaf.dtype)
        return np.asarray(
            random.normal(size=leaf.shape) * math.prod(leaf.shape[-1:]) ** 0.5 / leaf.size**0.5, leaf.dtype
        )

    return jax.tree.map_with_path(draw, jax.eval_shape(network.init, jax.random.key(0), x, LABEL))


def check(network, x):
    before, after, norms, y = learn(spectral_norm(network), x)
    moved = jax.tree.map(lambda old, new: bool(jnp.all(jnp.isfinite(new)) and jnp.any(old != new)), before, after)
    assert all(jax.tree.leaves(moved)), moved
    assert np.all((norms > 0) & (norms < 100)), norms
    return y


@pytest.fixture(autouse=True)
def shallow(monkeypatch):
    monkeypatch.setattr(language, "BLOCKS", 1)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", GENERATORS)
def test_generator_learns(name):
    y = check(GENERATORS[name](), jax.random.normal(jax.random.key(2), (B, 4)))
    assert np.mean(np.abs(y)) < 0.9, "saturated"


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", CRITICS)
def test_critic_learns(name):
    factory, shape = CRITICS[name]
    check(factory(), jax.random.normal(jax.random.key(2), (B, *shape)))


@pytest.mark.exhaustive
def test_a_conditional_game_goes_on_although_scales_and_biases_begin_at_zero():
    nets = Players(mlp.critic(width=4, depth=1, classes=CLASSES), spectral_norm(GENERATORS["dcgan"]()))
    optimizers = Players(*[optax.adam(1e-2, b1=0.0)] * 2)
    prior = priors.normal(4)
    batch = Batch(jax.random.normal(jax.random.key(1), (B, *IMAGE)), LABEL)
    example = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[1:], x.dtype), batch)
    update = make_update(nets, losses.hinge(), optimizers, prior)

    @jax.jit
    def play(key):
        turns = jax.tree.map(lambda x: x[None], Players(batch, batch))
        begin = make_init(nets, losses.hinge(), optimizers, prior, example)(key)
        return jax.lax.scan(lambda state, _: update(state, turns, key), begin, None, length=4)

    _, metrics = play(jax.random.key(0))
    norms = metrics["generator/gradient_norm"]
    assert np.all((norms > 1e-4) & (norms < 100)), norms
