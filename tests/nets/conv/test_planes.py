"""Convolutions in three dimensions by planes against XLA's, map by map; CPUs use them, and only CPUs."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from lax_convolutions import assert_close, normal, penalty, plain

from gan_jax.nets.conv import direct, planes
from gan_jax.nets.conv.convolution import conv, conv_transpose
from gan_jax.nets.conv.geometry import geometry_of

# space, window, strides, padding
GEOMETRIES = [
    ((8, 8, 8), (4, 4, 4), 2, "SAME"),
    ((5, 4, 3), (4, 4, 4), 2, "SAME"),
    ((3, 4, 5), (3, 2, 4), 1, "SAME"),
    ((4, 5, 6), (3, 3, 3), 2, "SAME"),  # a stride that doesn't divide the window
    ((4, 6, 6), (3, 4, 4), (1, 2, 2), "SAME"),
    ((7, 8, 9), (4, 2, 6), (2, 1, 3), "VALID"),
    ((9, 9, 9), (1, 2, 2), 3, "VALID"),  # a window smaller than its stride
    ((4, 4, 4), (4, 4, 4), 1, "VALID"),  # one position
    ((6, 6, 6), (2, 3, 4), 2, ((2, 0), (0, 5), (-1, 3))),
]


@pytest.mark.parametrize("geometry", [geometry_of(*row) for row in GEOMETRIES], ids=map(str, GEOMETRIES))
def test_the_three_maps_are_those_of_xla(geometry):
    x, w = normal(0, (2, *geometry.space, 3)), normal(1, (*geometry.window, 3, 5))
    g = normal(2, (2, *geometry.positions, 5))

    def maps(module):
        return (
            module.conv(x, w, geometry=geometry),
            module.input_gradient(g, w, geometry=geometry),
            module.kernel_gradient(x, g, geometry=geometry),
        )

    assert_close(jax.jit(lambda: maps(planes))(), jax.jit(lambda: maps(direct))())


def test_value_penalty_and_transposed_convolution_are_those_of_the_plain_one():
    x, w = normal(0, (2, 4, 4, 4, 2)), normal(1, (4, 4, 4, 2, 3))

    def derivatives(convolution):
        def f(x, w):
            return convolution(x, w, 2, "SAME")

        return f(x, w), jax.grad(penalty(f), (0, 1))(x, w)

    assert_close(jax.jit(lambda: derivatives(conv))(), jax.jit(lambda: derivatives(plain))())
    g = normal(2, (2, 2, 2, 2, 3))
    transposed = jax.linear_transpose(lambda x: plain(x, w, (2, 2, 2), "SAME"), x)(g)[0]
    assert_close(jax.jit(lambda: conv_transpose(g, w, 2))(), transposed)


def test_a_cpu_convolves_planes_of_stride_one_and_other_platforms_the_whole():
    x, w = jnp.zeros((2, 8, 8, 8, 2)), jnp.zeros((4, 4, 4, 2, 3))

    def orders(platform):
        text = jax.export.export(jax.jit(lambda: conv(x, w, 2)), platforms=[platform])().mlir_module()
        return re.findall(r"dim_numbers = (\[.*?\]x\[.*?\]->\[.*?\])", text)

    assert orders("cpu") == ["[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]"]
    assert orders("tpu") == ["[b, 0, 1, 2, f]x[0, 1, 2, i, o]->[b, 0, 1, 2, f]"]


def test_a_program_for_any_number_of_examples_is_exported():
    w = normal(0, (4, 4, 4, 2, 3))
    x = jax.ShapeDtypeStruct(jax.export.symbolic_shape("b, 4, 4, 4, 2"), jnp.float32)
    program = jax.export.export(jax.jit(lambda x: conv(x, w, 2)), platforms=["cpu"])(x)
    for size in (1, 3):
        one = normal(1, (size, 4, 4, 4, 2))
        np.testing.assert_allclose(program.call(one), conv(one, w, 2), rtol=1e-5, atol=1e-5)
