"""Convolutions in groups against XLA's, in every form: one at a time on a CPU, and as one grouped convolution."""

import functools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from lax_convolutions import assert_close, normal, penalty, plain, random_geometries

from gan_jax.nets.conv import Conv, conv, conv_transpose, depthwise, direct
from gan_jax.nets.conv.geometry import geometry_of

# x, w, strides, padding, groups
CASES = [
    ((2, 9, 6), (4, 3, 4), 2, "SAME", 2),
    ((2, 6, 7, 6), (3, 3, 2, 9), 1, "SAME", 3),
    ((2, 7, 8, 4), (5, 4, 2, 6), (2, 3), "VALID", 2),
    ((2, 6, 6, 4), (3, 3, 2, 2), 1, ((-1, 0), (3, 3)), 2),
    ((1, 4, 5, 6, 4), (3, 3, 2, 2, 6), (1, 2, 2), "SAME", 2),
    ((2, 7, 8, 4), (3, 3, 1, 8), 2, "SAME", 4),  # two outputs of each channel
    ((2, 10, 5), (3, 1, 5), 1, "SAME", 5),  # depthwise from here on
    ((2, 7, 8, 4), (5, 4, 1, 4), (2, 3), "VALID", 4),
    ((2, 6, 6, 4), (3, 3, 1, 4), 2, ((-1, 0), (3, 3)), 4),
    ((1, 4, 5, 6, 4), (3, 3, 2, 1, 4), (1, 2, 2), "SAME", 4),
]
each_case = pytest.mark.parametrize(("x_shape", "w_shape", "strides", "padding", "groups"), CASES)


@each_case
def test_value_and_derivatives_are_those_of_the_plain_convolution(x_shape, w_shape, strides, padding, groups):
    x, w = normal(0, x_shape), normal(1, w_shape) / 3  # sines of larger values would magnify the rounding

    @functools.partial(jax.jit, static_argnums=0)
    def everything(convolution):
        def f(x, w):
            return convolution(x, w, strides, padding, groups)

        return (
            f(x, w),
            jax.grad(lambda x, w: jnp.sum(jnp.sin(f(x, w))), (0, 1))(x, w),
            jax.grad(penalty(f), (0, 1))(x, w),
            jax.jvp(jax.grad(penalty(f), (0, 1)), (x, w), (x, w)),
        )

    assert_close(everything(conv), everything(plain))


@each_case
def test_the_grouped_form_of_accelerators_has_the_same_three_maps(x_shape, w_shape, strides, padding, groups):
    x, w = normal(0, x_shape), normal(1, w_shape)
    geometry = geometry_of(x_shape[1:-1], w_shape[:-2], strides, padding, groups)
    y, transpose = jax.vjp(lambda x, w: plain(x, w, strides, padding, groups), x, w)
    g = jnp.cos(y)
    ours = (
        direct.conv(x, w, geometry=geometry),
        direct.input_gradient(g, w, geometry=geometry),
        direct.kernel_gradient(x, g, geometry=geometry),
    )
    assert_close(ours, (y, *transpose(g)))


@given(random_geometries())
def test_products_of_taps_are_the_three_maps_whatever_the_geometry(geometry):
    geometry = geometry._replace(groups=3)
    x, w = normal(0, (2, *geometry.space, 3)), normal(1, (*geometry.window, 1, 3))
    g = normal(2, (2, *geometry.positions, 3))

    def maps(of):
        return (
            of.conv(x, w, geometry=geometry),
            of.input_gradient(g, w, geometry=geometry),
            of.kernel_gradient(x, g, geometry=geometry),
        )

    for ours, theirs in zip(maps(depthwise), maps(direct)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("groups", [2, 4])
@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0)])
def test_vmap_agrees_with_the_plain_convolution(axes, groups):
    x, w = normal(0, (3, 2, 5, 5, 4)), normal(1, (3, 3, 3, 4 // groups, 4))
    x, w = (array[0] if axis is None else array for array, axis in zip((x, w), axes))
    ours, theirs = (
        jax.jit(
            jax.vmap(jax.grad(penalty(functools.partial(f, strides=2, padding="SAME", groups=groups)), (0, 1)), axes)
        )(x, w)
        for f in (conv, plain)
    )
    assert_close(ours, theirs)


@pytest.mark.parametrize("groups", [2, 4])
def test_transposed_convolution_is_the_input_gradient(groups):
    x, w = normal(0, (2, 6, 6, 4)), normal(1, (3, 3, 4 // groups, 8))
    y, transpose = jax.vjp(lambda x: conv(x, w, 2, groups=groups), x)
    assert_close(conv_transpose(y, w, 2, groups=groups), transpose(y)[0])


def lowered(platform, groups, channels=8):
    x, w = jnp.zeros((2, 8, 8, channels)), jnp.zeros((3, 3, channels // groups, channels))
    traced = jax.jit(jax.grad(penalty(functools.partial(conv, groups=groups)), (0, 1))).trace(x, w)
    return traced.lower(lowering_platforms=(platform,)).as_text()


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@pytest.mark.parametrize("groups", [2, 8])
def test_on_an_accelerator_it_is_as_many_convolutions_as_without_groups(platform, groups):
    alone, grouped = (re.findall(r"stablehlo\.convolution", lowered(platform, count)) for count in (1, groups))
    assert len(alone) == len(grouped) == 9
    text = lowered(platform, groups)
    counts = re.findall(r"batch_group_count = (\d+).*?feature_group_count = (\d+)", text)
    assert {int(batch) * int(feature) for batch, feature in counts} == {groups}


@pytest.mark.parametrize(("groups", "convolutions"), [(1, 9), (2, 18), (8, 0)])
def test_on_a_cpu_no_convolution_has_groups(groups, convolutions):
    text = lowered("cpu", groups)
    assert len(re.findall(r"stablehlo\.convolution", text)) == convolutions
    assert set(re.findall(r"group_count = (\d+)", text)) <= {"1"}


def test_the_layer_has_a_kernel_of_a_groups_inputs():
    layer = Conv(6, (3, 3), groups=2, use_bias=False)
    x = normal(0, (2, 5, 5, 4))
    params = layer.init(jax.random.key(0), x)
    kernel = params["params"]["kernel"]
    assert kernel.shape == (3, 3, 2, 6)
    np.testing.assert_array_equal(layer.apply(params, x), conv(x, kernel, groups=2))


@pytest.mark.parametrize(
    ("w_shape", "groups"),
    [((3, 3, 4, 6), 2), ((3, 3, 2, 5), 2), ((3, 3, 1, 4), 3)],
)
def test_groups_that_do_not_divide_the_channels_are_refused(w_shape, groups):
    with pytest.raises(ValueError, match=f"{groups} groups"):
        conv(jnp.zeros((1, 5, 5, 4)), jnp.zeros(w_shape), groups=groups)
    with pytest.raises(ValueError, match="4 channels don't divide into 3 groups"):
        Conv(6, (3, 3), groups=3).init(jax.random.key(0), jnp.zeros((1, 5, 5, 4)))


def test_a_transposed_convolution_of_other_groups_is_refused():
    with pytest.raises(ValueError, match="4 groups"):
        conv_transpose(jnp.zeros((1, 5, 5, 6)), jnp.zeros((3, 3, 2, 6)), groups=4)
