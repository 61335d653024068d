"""R3GAN's networks: the paper's sizes and first steps, and equality with a build in PyTorch."""

import itertools
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from derivatives import by_jax, golden
from r3gan_cases import FILE, NETS, inputs, parameters

from gan_jax.errors import UserError
from gan_jax.nets import r3gan
from gan_jax.types import Mode

IMAGES = jax.ShapeDtypeStruct((2, 32, 32, 3), "float32")
LATENTS = jax.ShapeDtypeStruct((2, 64), "float32")
FFHQ = (768, 768, 768, 768, 384, 192, 96)


def size_of(network, x, label=None):
    params, stats = jax.eval_shape(network.init, jax.random.key(0), x, label)
    assert stats == {}
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def of_stages(widths):
    """Two blocks of 1x1, 3x3 in groups of 16, and 1x1, with two biases; 1x1 between widths; and 1x1 to or from RGB."""
    blocks = sum(
        2 * (2 * width * width + 2 * width + 9 * 16 * 2 * width + 2 * width + 2 * width * width) for width in widths
    )
    return blocks + sum(a * b for a, b in itertools.pairwise(widths) if a != b) + 3 * widths[-1]


@pytest.mark.parametrize(("widths", "side"), [((768,) * 4, 32), (FFHQ, 256)])
def test_the_published_configurations_have_the_parameters_of_their_layers(widths, side):
    basis = 16 * widths[0]
    generator = r3gan.generator(widths=widths, shape=(side, side, 3))
    assert size_of(generator, LATENTS) == of_stages(widths) + basis + 64 * widths[0]
    images = jax.ShapeDtypeStruct((2, side, side, 3), "float32")
    assert size_of(r3gan.critic(widths=widths), images) == of_stages(widths) + basis + widths[0]


def test_ffhq_256_has_23_million_parameters_each():
    """The paper's table 2, from memory: 23.06 and 23.01 million."""
    images = jax.ShapeDtypeStruct((2, 256, 256, 3), "float32")
    generator, critic = r3gan.generator(widths=FFHQ, shape=(256, 256, 3)), r3gan.critic(widths=FFHQ)
    assert round(size_of(generator, LATENTS) / 1e6, 2) == 23.06
    assert round(size_of(critic, images) / 1e6, 2) == 23.01


@pytest.mark.parametrize(
    ("side", "widths"),
    [
        (32, (768,) * 4),
        (64, (*(768,) * 4, 384)),
        (256, FFHQ),
        (48, (768, 768, 768, 768, 384)),
        (28, (768,) * 3),
        (80, (768, 768, 768, 384, 192)),
        (4, (768,)),
    ],
)
def test_widths_are_halved_from_sides_of_32_on(side, widths):
    assert r3gan.widths_of(side, 768) == widths
    assert r3gan.widths_of(2 * side, 768, widest=64) == (widths[0], *widths)


@pytest.mark.parametrize("side", [36, 22, 1, 2, 0])
def test_other_sides_are_refused(side):
    with pytest.raises(ValueError, match=f"side {side}: it must be a power of 2 times 3, 4, 5 or 7"):
        r3gan.widths_of(side, 768)


def results(name):
    x, label = inputs(name)
    return by_jax(lambda params, x: NETS[name].apply(params, {}, x, label, Mode())[0], parameters(name), x)


def assert_close(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-4 * np.abs(other).max())


@pytest.mark.parametrize("name", NETS)
def test_outputs_and_gradients_of_both_orders_are_those_of_pytorch_2_13_0(name):
    assert_close(results(name), golden(FILE, name))


@pytest.mark.parametrize("name", NETS)
def test_outputs_and_gradients_are_those_of_the_installed_pytorch(name):
    pytest.importorskip("torch")
    from papers_r3gan import by_torch

    assert_close(results(name), by_torch(name))


def test_each_block_begins_as_the_identity_with_fixups_gain_in_its_branch():
    network = r3gan.critic(widths=(64, 64), group_size=16)
    x = jax.random.normal(jax.random.key(1), (8, 16, 16, 3))
    params, _ = network.init(jax.random.key(0), x, None)
    blocks = [block for name, block in params.items() if name.startswith("Block")]
    assert len(blocks) == 4
    for block in blocks:
        assert not block["Conv_2"]["kernel"].any()
        for conv, fan_in in (("Conv_0", 64), ("Conv_1", 9 * 16)):
            expected = (2 / (1 + 0.2**2)) ** 0.5 * 4**-0.25 / fan_in**0.5
            assert np.std(block[conv]["kernel"]) == pytest.approx(expected, rel=0.03)
            assert not block[conv]["bias"].any()


def test_narrow_stages_of_large_images_keep_a_channel_and_no_width_is_refused():
    assert r3gan.widths_of(128, 3, widest=16) == (3, 3, 3, 1, 1, 1)
    with pytest.raises(UserError, match="width 0: it must be 1 or more"):
        r3gan.widths_of(64, 0)


@pytest.mark.parametrize(("given", "size"), [({}, 8), ({"embedding": 5}, 5)])
def test_the_critic_embeds_classes_by_default_as_wide_as_its_widest_stage(given, size):
    critic = r3gan.critic(widths=(8, 4), blocks=1, group_size=4, classes=3, **given)
    params, _ = critic.init(jax.random.key(0), jnp.ones((1, 8, 8, 3)), jnp.zeros(1, int))
    assert params["Embed_0"]["embedding"].shape == (3, size)


@pytest.mark.parametrize("side", [12, 16, 20, 28])
def test_sides_are_a_power_of_2_times_3_4_5_or_7(side):
    base = {12: 3, 16: 4, 20: 5, 28: 7}[side]
    sizes = {"widths": (8, 8, 8), "blocks": 1, "group_size": 4}
    generator, critic = r3gan.generator(**sizes, shape=(side, side, 1)), r3gan.critic(**sizes)
    z = jnp.ones((2, 4))
    params, _ = generator.init(jax.random.key(0), z, None)
    assert params["basis"].shape == (base, base, 8)
    images = generator.apply(params, {}, z, None, Mode())[0]
    assert images.shape == (2, side, side, 1)
    params, _ = critic.init(jax.random.key(0), images, None)
    assert critic.apply(params, {}, images, None, Mode())[0].shape == (2,)


def with_and_without_bfloat16(name):
    """Networks of three stages in float32 and with the widest stage in bfloat16, their parameters and an input."""
    settings = {"widths": (16, 16, 8), "blocks": 1, "group_size": 4}
    shape = {"shape": (16, 16, 3)} if name == "generator" else {}
    networks = [getattr(r3gan, name)(**settings, **shape, bfloat16=count) for count in (0, 1)]
    random = np.random.default_rng(1)
    x = random.normal(size=(4, 6) if name == "generator" else (4, 16, 16, 3)).astype(np.float32)
    shapes, _ = jax.eval_shape(networks[0].init, jax.random.key(0), x, None)
    params = jax.tree.map(lambda leaf: (0.2 * random.normal(size=leaf.shape)).astype(np.float32), shapes)
    return networks, params, x


@pytest.mark.parametrize("name", NETS)
def test_in_bfloat16_it_is_near_float32_under_derivatives_of_both_orders(name):
    networks, params, x = with_and_without_bfloat16(name)

    def results(network):
        def square(params, x):
            y = network.apply(params, {}, x, None, Mode())[0]
            assert y.dtype == jnp.float32
            return jnp.sum(y**2)

        def slope(params):  # R1's, of the critic
            return jnp.sum(jax.grad(square, 1)(params, x) ** 2)

        return network.apply(params, {}, x, None, Mode())[0], jax.grad(square)(params, x), jax.grad(slope)(params)

    full, half = (jax.jit(lambda network=network: results(network))() for network in networks)
    assert np.abs(half[0] - full[0]).max() > 0
    for one, other in zip(full, half, strict=True):
        assert {leaf.dtype for leaf in jax.tree.leaves(other)} == {jnp.dtype(jnp.float32)}
        assert optax.tree.norm(optax.tree.sub(other, one)) < 0.04 * optax.tree.norm(one)


@pytest.mark.parametrize("name", NETS)
def test_bfloat16_is_that_of_the_largest_images_and_of_the_way_there(name):
    """The authors compute a stage's resampling in its type, and resample after the critic's blocks."""
    (_, half), params, x = with_and_without_bfloat16(name)
    program = str(jax.make_jaxpr(lambda: half.apply(params, {}, x, None, Mode())[0])())
    sides = {int(side) for side in re.findall(r"\bbf16\[4,(\d+),\d+,\d+\]", program)}
    assert 16 in sides
    assert min(sides) == 8
    assert f"bf16[4,8,8,{8 if name == 'generator' else 16}]" in program  # of the other width, on the way


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: r3gan.generator(shape=(36, 36, 3)), "multiples of 8 for 4 stages"),
        (lambda: r3gan.generator(shape=(32, 32)), "height, width, channels"),
        (lambda: r3gan.critic(widths=(20, 8)), r"widths \[20, 8\]: 20, times expansion 2, must be a multiple of group"),
        (
            lambda: r3gan.critic(widths=(64, 24), expansion=1),
            r"\[64, 24\]: 24 must be a multiple of group_size 16, or less",
        ),
        (lambda: r3gan.critic(blocks=0), "blocks 0, .*: each must be 1 or more"),
        (lambda: r3gan.critic(widths=(16, 0)), r"widths \[16, 0\], .*: each must be 1 or more"),
        (lambda: r3gan.generator(expansion=-1), "expansion -1, .*: each must be 1 or more"),
        (lambda: r3gan.generator(bfloat16=5), "bfloat16 5: want a number of stages, from 0 to 4"),
        (lambda: r3gan.generator(bfloat16=-1), "bfloat16 -1: want a number of stages"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()
