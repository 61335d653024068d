"""The input gradient by phases is that of the direct form."""

import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from gan_jax.nets.conv import cpu, direct, fourier, phases
from gan_jax.nets.conv.geometry import geometry_of

GEOMETRIES = [
    ((64,), (25,), 4, "SAME"),  # WaveGAN's
    ((16,), (25,), 4, "SAME"),  # a window larger than the space
    ((7,), (1,), 3, "VALID"),  # a stride larger than the window
    ((11,), (4,), 3, "VALID"),  # a last entry that no window reaches
    ((8,), (2,), 2, ((-3, -1),)),
    ((3,), (2,), 3, ((-4, 9),)),  # nothing but padding
]


@st.composite
def random_geometries(draw):
    size, window, stride = draw(st.integers(1, 12)), draw(st.integers(1, 9)), draw(st.integers(2, 5))
    low = draw(st.integers(-3, 6))
    return geometry_of((size,), (window,), stride, ((low, window - low - size + draw(st.integers(0, 9))),))


def assert_is_direct(geometry):
    random = np.random.default_rng(0)
    g = jnp.asarray(random.normal(size=(2, *geometry.positions, 5)), jnp.float32)
    w = jnp.asarray(random.normal(size=(*geometry.window, 3, 5)), jnp.float32)
    expected = direct.input_gradient(g, w, geometry=geometry)
    np.testing.assert_allclose(phases.input_gradient(g, w, geometry=geometry), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("row", GEOMETRIES, ids=str)
def test_it_is_that_of_the_direct_form(row):
    assert_is_direct(geometry_of(*row))


@given(random_geometries())
def test_it_is_that_of_the_direct_form_whatever_the_geometry(geometry):
    assert_is_direct(geometry)


def test_it_is_for_strides_in_one_dimension():
    forms = [
        cpu.fastest_module(geometry_of(space, window, stride, "SAME"), jnp.zeros((64, *space, 512)), 512, 512)
        for space, window, stride in [((64,), (25,), 4), ((64,), (25,), 1), ((7, 7), (5, 5), 2)]
    ]
    assert forms == [phases, fourier, fourier]
