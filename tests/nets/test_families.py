"""Properties of every network of every family: a row added to a table gets all tests."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import Moving

from gan_jax.constraints import spectral_norm
from gan_jax.errors import UserError
from gan_jax.nets import biggan, convlstm, dcgan, gan3d, mlp, r3gan, radford, resnet, stylegan2, vgan
from gan_jax.nets.layers import BatchNorm, Identity, LayerNorm
from gan_jax.trees import as_output
from gan_jax.types import Mode

# factory with `classes` open, shape of an example
CRITICS = {
    "mlp": (functools.partial(mlp.critic, width=8, depth=2), (3, 2)),
    "dcgan": (functools.partial(dcgan.critic, width=2), (8, 12, 1)),
    "dcgan with layer norm": (functools.partial(dcgan.critic, width=2, norm=LayerNorm), (8, 8, 1)),
    "radford": (functools.partial(radford.critic, width=2, norm=LayerNorm), (16, 16, 3)),
    "resnet": (functools.partial(resnet.critic, width=4), (8, 8, 3)),
    "r3gan": (functools.partial(r3gan.critic, widths=(4, 2), blocks=1, group_size=2), (6, 6, 3)),
    "biggan": (functools.partial(biggan.critic, widths=(4, 4), halvings=1, attention=(4,)), (8, 8, 3)),
    "stylegan2": (functools.partial(stylegan2.critic, widths=(4, 2), depth=1, group=1), (6, 6, 3)),
    "vgan": (functools.partial(vgan.critic, width=2, shape=(2, 8, 8, 1)), (2, 8, 8, 1)),
    "resnet, sums and no bias": (
        functools.partial(resnet.critic, width=4, pool=resnet.sum_pool, use_bias=False, norm=LayerNorm),
        (8, 8, 3),
    ),
}
GENERATORS = {
    "mlp": (functools.partial(mlp.generator, (3, 2), width=8, depth=2), (3, 2)),
    "dcgan": (functools.partial(dcgan.generator, width=2, shape=(8, 12, 1)), (8, 12, 1)),
    "radford": (functools.partial(radford.generator, width=2, shape=(16, 16, 3)), (16, 16, 3)),
    "resnet": (functools.partial(resnet.generator, width=4, shape=(8, 16, 3)), (8, 16, 3)),
    "r3gan": (functools.partial(r3gan.generator, widths=(4, 2), blocks=1, group_size=2, shape=(6, 8, 3)), (6, 8, 3)),
    "biggan": (functools.partial(biggan.generator, widths=(4, 4), attention=(4,), shape=(4, 8, 3)), (4, 8, 3)),
    "stylegan2": (functools.partial(stylegan2.generator, widths=(4, 2), size=6, depth=1, shape=(6, 8, 3)), (6, 8, 3)),
    "vgan": (functools.partial(vgan.generator, width=2, shape=(4, 16, 16, 1)), (4, 16, 16, 1)),
    "convlstm": (functools.partial(convlstm.generator, width=2, shape=(4, 32, 32, 1)), (4, 32, 32, 1)),
}
B, CLASSES = 3, 4
LABEL = jnp.arange(B) % CLASSES
KEYS = jax.random.split(jax.random.key(1), B)
MODES = {"evaluation": Mode(), "training": Mode(train=True, keys=KEYS)}

each_critic = pytest.mark.parametrize("name", CRITICS)
each_generator = pytest.mark.parametrize("name", GENERATORS)
each_network = pytest.mark.parametrize(
    ("factory", "shape"),
    [
        pytest.param(factory, shape if table is CRITICS else (6,), id=f"{name}-{who}")
        for who, table in {"critic": CRITICS, "generator": GENERATORS}.items()
        for name, (factory, shape) in table.items()
        if name in GENERATORS
    ],
)
each_mode = pytest.mark.parametrize("mode", MODES.values(), ids=MODES.keys())


def made(factory, shape, classes=0):
    """(network, params, stats, x) with random numbers, to break symmetries, from NumPy, which needn't compile."""
    network, random = factory(classes=classes), np.random.default_rng(0)
    x = random.normal(size=(B, *shape)).astype(np.float32)
    shapes = jax.eval_shape(network.init, jax.random.key(0), x, LABEL if classes else None)

    def draw(leaf):
        return np.asarray(0.1 + 0.3 * np.abs(random.normal(size=leaf.shape)), leaf.dtype)

    params = jax.tree.map(lambda leaf: draw(leaf) * random.choice(np.float32([-1, 1]), leaf.shape), shapes[0])
    return network, params, jax.tree.map(draw, shapes[1]), jnp.asarray(x)


@each_mode
@each_critic
def test_a_logit_depends_on_its_own_example_only(name, mode):
    network, params, stats, x = made(*CRITICS[name], classes=CLASSES)
    jacobian = jax.jit(jax.jacrev(lambda x: network.apply(params, stats, x, LABEL, mode)[0]))(x)
    norms = jnp.sqrt(jnp.sum(jacobian.reshape(B, B, -1) ** 2, axis=-1))
    assert norms.shape == (B, B)
    assert np.all(np.diagonal(norms) > 0)
    np.testing.assert_array_equal(norms * (1 - jnp.eye(B)), np.zeros((B, B)))


@pytest.mark.parametrize(
    ("norm", "mixes"), [(Identity, False), (LayerNorm, False), (BatchNorm, True), (Moving, True)], ids=str
)
@pytest.mark.parametrize(
    ("critic", "shape"),
    [
        pytest.param(dcgan.critic, (8, 8, 1), id="dcgan"),
        pytest.param(radford.critic, (16, 16, 3), id="radford"),
        pytest.param(resnet.critic, (8, 8, 3), id="resnet"),
        pytest.param(functools.partial(vgan.critic, shape=(4, 16, 16, 1)), (4, 16, 16, 1), id="vgan"),
        pytest.param(gan3d.critic, (16, 16, 16, 1), id="gan3d"),
    ],
)
def test_a_critic_mixes_examples_if_its_norm_keeps_statistics_whatever_their_collection(critic, shape, norm, mixes):
    network, x = critic(width=2, norm=norm), jax.ShapeDtypeStruct((B, *shape), jnp.float32)
    for critic in (network, spectral_norm(network)):
        _, stats = jax.eval_shape(critic.init, jax.random.key(0), x, None)
        assert critic.mixes_examples(stats) == mixes


def test_batch_norm_in_a_critic_mixes_examples_in_training():
    network, params, stats, x = made(functools.partial(dcgan.critic, width=2, norm=BatchNorm), (8, 8, 1))
    jacobian = jax.jit(jax.jacrev(lambda x: network.apply(params, stats, x, None, MODES["training"])[0]))(x)
    norms = jnp.sum(jacobian.reshape(B, B, -1) ** 2, axis=-1)
    assert np.all(norms > 0)


@each_critic
def test_critic_gives_one_logit_an_example(name):
    network, params, stats, x = made(*CRITICS[name])
    assert stats == {}
    assert not network.mixes_examples(stats)
    assert jax.eval_shape(network.apply, params, stats, x, None, Mode())[0].shape == (B,)


@each_generator
def test_generator_gives_examples_of_its_shape(name):
    factory, shape = GENERATORS[name]
    network, params, stats, z = made(factory, (6,))
    assert as_output(jax.eval_shape(network.apply, params, stats, z, None, MODES["training"])[0]).y.shape == (B, *shape)


@each_network
def test_each_example_follows_its_own_label_alone_and_a_conditional_network_demands_one(factory, shape):
    network, params, stats, x = made(factory, shape, classes=CLASSES)
    apply = jax.jit(network.apply)
    y = as_output(apply(params, stats, x, LABEL, Mode())[0]).y
    for i in range(B):
        other = as_output(apply(params, stats, x, LABEL.at[i].set(CLASSES - 1), Mode())[0]).y
        assert not np.allclose(y[i], other[i])
        np.testing.assert_array_equal(np.delete(y, i, 0), np.delete(other, i, 0))
    with pytest.raises(ValueError, match="4 classes and got no condition: pass one class number per example"):
        network.apply(params, stats, x, None, Mode())
    for condition, shown in ((jnp.zeros(B), "float32"), (LABEL[:, None], "int32"), ({"digit": LABEL}, "{digit: int32")):
        with pytest.raises(ValueError, match=f"4 classes and got the condition {shown}"):
            network.apply(params, stats, x, condition, Mode())


@each_network
def test_bfloat16_in_gives_bfloat16_out(factory, shape):
    network, params, stats, x = made(factory, shape, classes=CLASSES)
    params, x = jax.tree.map(lambda a: a.astype(jnp.bfloat16), (params, x))
    y, _ = jax.eval_shape(network.apply, params, stats, x, LABEL, MODES["training"])
    assert as_output(y).y.dtype == jnp.bfloat16


def test_shapes_that_cannot_be_built_are_refused():
    with pytest.raises(ValueError, match="multiples of 4"):
        dcgan.generator(shape=(30, 28, 1))
    with pytest.raises(ValueError, match="multiples of 8"):
        resnet.generator(shape=(28, 28, 1))
    with pytest.raises(ValueError, match="multiples of 4"):
        resnet.critic().init(jax.random.key(0), jnp.zeros((1, 30, 30, 3)), None)
    with pytest.raises(ValueError, match="classes=0"):
        dcgan.generator(norm=Identity, classes=3)


@pytest.mark.parametrize(
    "make",
    [
        lambda: radford.critic(width=0),
        lambda: radford.generator(width=0),
        lambda: biggan.critic(widths=(8, 0, 8, 8)),
        lambda: biggan.generator(widths=(8, 8, 8, -1)),
    ],
)
def test_no_width_is_refused_before_a_layer_divides_by_it(make):
    with pytest.raises(UserError, match=r"width (0|-1): it must be 1 or more"):
        make()
