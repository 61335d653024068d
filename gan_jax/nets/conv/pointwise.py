"""The three maps of a convolution whose window is one position, as matrix products: on a CPU up to seven times faster.

Shapes, for one, two or three spatial dimensions:
  x `[B, *space, I]`, w `[*1s, I, O]`, y and g `[B, *space, O]`.
"""

import jax.numpy as jnp

from gan_jax.nets.conv.geometry import Geometry
from gan_jax.types import Array


def fits(geometry: Geometry) -> bool:
    """Whether the window is one position, and visits each position of x once."""
    return {1} == {*geometry.window, *geometry.strides} and {(0, 0)} == {*geometry.padding}


def conv(x: Array, w: Array, *, geometry: Geometry) -> Array:
    return jnp.matmul(x, w.reshape(w.shape[-2:]), precision=geometry.precision)


def input_gradient(g: Array, w: Array, *, geometry: Geometry) -> Array:
    return jnp.matmul(g, w.reshape(w.shape[-2:]).T, precision=geometry.precision)


def kernel_gradient(x: Array, g: Array, *, geometry: Geometry) -> Array:
    product = jnp.matmul(x.reshape(-1, x.shape[-1]).T, g.reshape(-1, g.shape[-1]), precision=geometry.precision)
    return product.reshape(*geometry.window, *product.shape)
