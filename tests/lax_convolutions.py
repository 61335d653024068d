"""JAX's own convolutions, to compare ours with, and geometries."""

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gan_jax.nets.conv.geometry import geometry_of


def plain(x, w, strides, padding, groups=1):
    space = "DHW"[-(x.ndim - 2) :]
    strides = (strides,) * len(space) if isinstance(strides, int) else strides
    return lax.conv_general_dilated(
        x,
        w,
        strides,
        padding,
        dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"),
        feature_group_count=groups,
    )


def normal(seed, shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def tolerance(dtype):
    """Two programs of a GPU may convolve by different kernels, of which Winograd's have the largest errors."""
    if jax.default_backend() == "cpu":
        return 1e-5
    return 1e-4 if dtype == jnp.float32 else 2 * float(jnp.finfo(dtype).eps)


def assert_close(ours, theirs):
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs)):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance(a.dtype) * np.abs(b).max())


def penalty(f):
    """A gradient penalty of f(x, w), whose own gradients are second derivatives."""

    def of(x, w):
        by_x, by_w = jax.grad(lambda x, w: jnp.sum(jnp.tanh(f(x, w))), (0, 1))(x, w)
        return jnp.sum(jnp.sin(by_x)) + jnp.sum(by_w**2)

    return of


@st.composite
def random_geometries(draw):
    dimensions = draw(st.integers(1, 2))

    def numbers(least, most):
        return tuple(draw(st.integers(least, most)) for _ in range(dimensions))

    space, window, strides, lows, spare = (numbers(*ends) for ends in [(1, 9), (1, 7), (1, 4), (-3, 6), (0, 7)])
    highs = (more + k - n - low for more, k, n, low in zip(spare, window, space, lows))
    return geometry_of(space, window, strides, tuple(zip(lows, highs)))
