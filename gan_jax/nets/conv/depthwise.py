"""The three maps of a depthwise convolution on a CPU, a product for each tap: as many groups as inputs and outputs.

XLA:CPU's own kernel gradient takes a hundred times as long in a scan.

Shapes, for one, two or three spatial dimensions:
  x `[B, *space, C]`, w `[*window, 1, C]`, y and g `[B, *positions, C]`.
"""

import functools
import itertools
from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.nets.conv.geometry import Geometry
from gan_jax.trees import sum_of
from gan_jax.types import Array


def conv(x: Array, w: Array, *, geometry: Geometry) -> Array:
    return sum_of(part * tap for part, tap in zip(windows(x, geometry), taps(w)))


def input_gradient(g: Array, w: Array, *, geometry: Geometry) -> Array:
    x = jax.ShapeDtypeStruct((g.shape[0], *geometry.space, g.shape[-1]), g.dtype)
    return jax.linear_transpose(functools.partial(conv, w=w, geometry=geometry), x)(g)[0]


def kernel_gradient(x: Array, g: Array, *, geometry: Geometry) -> Array:
    w = jnp.stack([jnp.sum(part * g, axis=range(g.ndim - 1)) for part in windows(x, geometry)])
    return w.reshape(*geometry.window, 1, -1)


def windows(x: Array, geometry: Geometry) -> Iterator[Array]:
    """The part of x under each tap: `[B, *positions, C]`."""
    around = [
        (low, reach + window - 1 - low - size, 0)
        for size, window, reach, (low, _) in zip(geometry.space, geometry.window, geometry.reach, geometry.padding)
    ]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *around, (0, 0, 0)])
    for tap in itertools.product(*map(range, geometry.window)):
        ends = [start + reach for start, reach in zip(tap, geometry.reach)]
        yield lax.slice(x, (0, *tap, 0), (x.shape[0], *ends, x.shape[-1]), (1, *geometry.strides, 1))


def taps(w: Array) -> Array:
    """`[*window, 1, C]` -> `[taps, *1s, C]`."""
    return w.reshape(-1, *[1] * (w.ndim - 1), w.shape[-1])
