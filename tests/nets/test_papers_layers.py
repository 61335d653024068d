"""Each family's layers in the order of its paper: their widths, their norms, and where noise enters.

A layer is written with the channels that it gives; a norm or noise without.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets import convlstm, dcgan, gan3d, language, mlp, radford, resnet, vgan, wavegan
from gan_jax.nets.conv.convolution import Conv, ConvTranspose
from gan_jax.nets.layers import BatchNorm, ConditionalBatchNorm, Dropout, LayerNorm, Projection
from gan_jax.nets.wavegan import PhaseShuffle
from gan_jax.types import Array, Mode, Network

B, CLASSES = 3, 4
LABEL = jnp.array([2, 0, 3])
WITH_WIDTHS = (Conv, ConvTranspose, nn.Dense)
NORMS = (BatchNorm, ConditionalBatchNorm, LayerNorm)
NOISE = (Dropout, PhaseShuffle)
LAYERS = (*WITH_WIDTHS, *NORMS, *NOISE, Projection)


class Row(NamedTuple):
    network: Network
    shape: tuple[int, ...]  # of one x, or z
    layers: str
    conditional: bool = False


CRITICS = {
    "mlp": Row(mlp.critic(width=8, depth=2), (2,), "Dense8 Dense8 Dense1"),
    "dcgan": Row(dcgan.critic(width=2), (8, 8, 1), "Conv2 Dropout Conv4 Dropout Dense1"),
    "dcgan with classes and a norm": Row(
        dcgan.critic(width=2, norm=LayerNorm, classes=CLASSES),
        (8, 8, 1),
        "Conv2 LayerNorm Dropout Conv4 LayerNorm Dropout Dense1 Projection",
        conditional=True,
    ),
    "radford": Row(radford.critic(width=2), (32, 32, 3), "Conv2 Conv4 Conv8 Dense1"),
    "radford with classes and a norm": Row(
        radford.critic(width=2, norm=LayerNorm, classes=CLASSES),
        (32, 32, 3),
        "Conv2 Conv4 LayerNorm Conv8 LayerNorm Dense1 Projection",
        conditional=True,
    ),
    "resnet": Row(resnet.critic(width=4), (8, 8, 3), "Conv4 " * 10 + "Dense1"),  # a block that resizes has three
    "resnet with classes and a norm": Row(
        resnet.critic(width=4, norm=LayerNorm, classes=CLASSES),
        (8, 8, 3),
        "Conv4 Conv4 Conv4 LayerNorm Conv4 LayerNorm Conv4 Conv4 "
        + "LayerNorm Conv4 LayerNorm Conv4 " * 2
        + "Dense1 Projection",
        conditional=True,
    ),
    "vgan": Row(vgan.critic(width=2, shape=(4, 16, 16, 1)), (4, 16, 16, 1), "Conv2 Conv4 Dense1"),
    "vgan with classes and a norm": Row(
        vgan.critic(width=2, norm=LayerNorm, classes=CLASSES, shape=(8, 32, 32, 1)),
        (8, 32, 32, 1),
        "Conv2 Conv4 LayerNorm Conv8 LayerNorm Dense1 Projection",
        conditional=True,
    ),
    "gan3d": Row(gan3d.critic(width=2), (16, 16, 16, 1), "Conv2 Conv4 Dense1"),
    "gan3d with a norm": Row(
        gan3d.critic(width=2, norm=LayerNorm), (32, 32, 32, 1), "Conv2 Conv4 LayerNorm Conv8 LayerNorm Dense1"
    ),
    "wavegan": Row(
        wavegan.critic(width=1),
        (1024, 1),
        "Conv1 PhaseShuffle Conv2 PhaseShuffle Conv4 PhaseShuffle Conv8 PhaseShuffle Conv16 Dense1",
    ),
    "language": Row(language.critic(width=2), (8, 5), "Conv2 " * 11 + "Dense1"),
}
GENERATORS = {
    "mlp": Row(mlp.generator(width=8, depth=2), (6,), "Dense8 Dense8 Dense2"),
    "dcgan": Row(
        dcgan.generator(width=2, shape=(8, 8, 1)),
        (6,),
        "Dense32 BatchNorm ConvTranspose4 BatchNorm ConvTranspose2 BatchNorm ConvTranspose1",
    ),
    "radford": Row(
        radford.generator(width=2, shape=(32, 32, 3)),
        (6,),
        "Dense128 BatchNorm ConvTranspose4 BatchNorm ConvTranspose2 BatchNorm ConvTranspose3",
    ),
    "resnet": Row(
        resnet.generator(width=4, shape=(8, 8, 3)),
        (6,),
        "Dense4 " + "BatchNorm Conv4 BatchNorm Conv4 Conv4 " * 3 + "BatchNorm Conv3",
    ),
    "vgan": Row(
        vgan.generator(width=2, shape=(8, 32, 32, 1)),
        (6,),
        "Dense128 BatchNorm ConvTranspose4 BatchNorm ConvTranspose2 BatchNorm ConvTranspose1",
    ),
    "convlstm": Row(  # three maps of z, the cell's convolutions of input and output, and those that enlarge
        convlstm.generator(width=2, shape=(1, 32, 32, 1)),
        (6,),
        "Dense256 BatchNorm " * 3 + "Conv16 Conv16 ConvTranspose2 BatchNorm ConvTranspose1",
    ),
    "gan3d": Row(
        gan3d.generator(width=2, side=32),
        (6,),
        "Dense512 BatchNorm ConvTranspose4 BatchNorm ConvTranspose2 BatchNorm ConvTranspose1",
    ),
    "wavegan": Row(
        wavegan.generator(width=1, length=1024),
        (6,),
        "Dense16 ConvTranspose8 ConvTranspose4 ConvTranspose2 ConvTranspose1 ConvTranspose1",
    ),
    "language": Row(language.generator(width=2, shape=(8, 5)), (6,), "Dense16 " + "Conv2 " * 10 + "Conv5"),
}
CONDITIONAL = {  # each BatchNorm is replaced by one with classes
    f"{name} with classes": Row(network, (6,), GENERATORS[name].layers.replace("Batch", "ConditionalBatch"), True)
    for name, network in {
        "dcgan": dcgan.generator(width=2, classes=CLASSES, shape=(8, 8, 1)),
        "radford": radford.generator(width=2, classes=CLASSES, shape=(32, 32, 3)),
        "resnet": resnet.generator(width=4, classes=CLASSES, shape=(8, 8, 3)),
        "vgan": vgan.generator(width=2, classes=CLASSES, shape=(8, 32, 32, 1)),
        "convlstm": convlstm.generator(width=2, classes=CLASSES, shape=(1, 32, 32, 1)),
    }.items()
}


def training(seed: int = 1) -> Mode:
    return Mode(train=True, keys=jax.random.split(jax.random.key(seed), B))


class Called(NamedTuple):
    module: nn.Module
    given: tuple[Any, ...]
    y: Any


def called(row: Row) -> list[Called]:
    """The layers of a training pass in the order of their first calls; nothing is computed."""
    x, label = jnp.zeros((B, *row.shape)), LABEL if row.conditional else None
    params, stats = jax.eval_shape(row.network.init, jax.random.key(0), x, label)
    found: dict[tuple[str, ...], Called] = {}

    def note(call: Callable, given: tuple, settings: dict, context: nn.module.InterceptorContext) -> Any:
        y, module = call(*given, **settings), context.module
        if isinstance(module, LAYERS) and not isinstance(module.parent, NORMS):
            found.setdefault(module.path, Called(module, given, y))
        return y

    with nn.intercept_methods(note):
        jax.eval_shape(row.network.apply, params, stats, x, label, training())
    return list(found.values())


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{who} of {name}")
        for who, table in {"critic": CRITICS, "generator": GENERATORS | CONDITIONAL}.items()
        for name, row in table.items()
    ],
)
def test_its_layers_are_those_of_the_paper_and_each_norm_is_given_a_label_an_example_and_trains(row):
    names = []
    for module, given, y in called(row):
        names.append(type(module).__name__ + (str(y.shape[-1]) if isinstance(module, WITH_WIDTHS) else ""))
        if isinstance(module, NORMS):
            x, label, mode = given
            assert mode.train
            assert (label is None) if not row.conditional else (label.shape == x.shape[:1])
        elif isinstance(module, NOISE):
            assert given[1].train
    assert " ".join(names) == row.layers


@functools.cache
def made(name: str) -> tuple[Callable[[Array, Mode], Array], Array]:
    """A critic with random parameters and no bias, compiled, and examples."""
    row, random = CRITICS[name], np.random.default_rng(0)
    x = jnp.asarray(random.normal(size=(B, *row.shape)), jnp.float32)
    label = LABEL if row.conditional else None
    params, stats = jax.eval_shape(row.network.init, jax.random.key(0), x, label)

    def draw(path: Any, leaf: Any) -> Array:
        bias = jax.tree_util.keystr(path, simple=True).endswith("bias")
        return jnp.asarray((0 if bias else 1) * random.uniform(0, 2 / np.sqrt(leaf.size), leaf.shape), leaf.dtype)

    params = jax.tree.map_with_path(draw, params)
    assert not stats
    apply = jax.jit(lambda x, mode: row.network.apply(params, stats, x, label, mode)[0])
    return apply, x


@pytest.mark.parametrize("name", [name for name in CRITICS if "norm" not in name])
def test_a_critics_logits_change_with_its_key_where_it_has_noise_and_is_trained_and_nowhere_else(name):
    apply, x = made(name)
    one, again, other = (apply(x, training(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    if "Dropout" in CRITICS[name].layers or "PhaseShuffle" in CRITICS[name].layers:
        assert (one != other).all()
    else:
        np.testing.assert_array_equal(one, other)
    evaluated = [apply(x, mode) for mode in (Mode(), Mode(keys=training(1).keys))]
    np.testing.assert_array_equal(*evaluated)


@pytest.mark.parametrize(
    ("name", "slope", "layers"),
    [("dcgan", 0.3, 2), ("radford", 0.2, 3), ("vgan", 0.2, 2), ("gan3d", 0.2, 2), ("wavegan", 0.2, 5)],
)
def test_a_leaky_critic_of_positive_kernels_weakens_what_is_negative_by_its_slope_in_each_layer(name, slope, layers):
    apply, x = made(name)
    x = jnp.abs(x)
    np.testing.assert_allclose(apply(-x, Mode()), -(slope**layers) * apply(x, Mode()), rtol=1e-4)
