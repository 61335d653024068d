"""The three maps of a convolution in three dimensions, by convolutions of planes: on a CPU faster than XLA's own.

A strided convolution is one with stride 1 of the s·s·s phases of x, taken as channels, with those of the kernel; along
an axis whose stride doesn't divide its window, the stride stays. A convolution in three dimensions is one in two, of
as many planes as the window is deep, taken as channels. Both steps only rearrange numbers: A and B are linear, and JAX
transposes them::

    y = conv(A x, B w)      x = Aᵀ input_gradient(g, B w)      w = Bᵀ kernel_gradient(A x, g)

XLA:CPU's own input gradient, a transposed convolution, takes hundreds of times as long.

Shapes: x `[B, *space, I]`, w `[*window, I, O]`, y and g `[B, *positions, O]`.
"""

import functools
import itertools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from gan_jax.nets.conv import direct
from gan_jax.nets.conv.geometry import Geometry
from gan_jax.types import Array


def conv(x: Array, w: Array, *, geometry: Geometry) -> Array:
    y = direct.conv(planes(x, geometry), kernel(w, geometry), geometry=of_planes(geometry))
    return y.reshape(x.shape[0], *geometry.positions, w.shape[-1])


def input_gradient(g: Array, w: Array, *, geometry: Geometry) -> Array:
    of_plane = direct.input_gradient(flat(g), kernel(w, geometry), geometry=of_planes(geometry))
    x = jax.ShapeDtypeStruct((g.shape[0], *geometry.space, w.shape[-2]), g.dtype)
    return jax.linear_transpose(functools.partial(planes, geometry=geometry), x)(of_plane)[0]


def kernel_gradient(x: Array, g: Array, *, geometry: Geometry) -> Array:
    of_plane = direct.kernel_gradient(planes(x, geometry), flat(g), geometry=of_planes(geometry))
    w = jax.ShapeDtypeStruct((*geometry.window, x.shape[-1], g.shape[-1]), g.dtype)
    return jax.linear_transpose(functools.partial(kernel, geometry=geometry), w)(of_plane)[0]


class Axis(NamedTuple):
    """One dimension of the convolution of phases: y[p] = Σ x[stride · p + t] w[t], t < taps.

    Attributes:
      phases: The number of phases of x; 1 where the stride stays.
      size: The entries of each phase.
      taps: The entries of each phase of the window.
      stride: The remaining stride.
    """

    phases: int
    size: int
    taps: int
    stride: int


def axes_of(geometry: Geometry) -> list[Axis]:
    axes = []
    for window, stride, positions in zip(geometry.window, geometry.strides, geometry.positions):
        phases = stride if window % stride == 0 else 1
        taps, left = window // phases, stride // phases
        axes.append(Axis(phases, (positions - 1) * left + taps, taps, left))
    return axes


def of_planes(geometry: Geometry) -> Geometry:
    """The geometry of the convolution of planes, over the last two axes."""
    _, *axes = axes_of(geometry)
    size, taps, stride = ((a, b) for a, b in zip(*(axis[1:] for axis in axes)))
    return Geometry(size, taps, stride, ((0, 0), (0, 0)), geometry.precision)


def planes(x: Array, geometry: Geometry) -> Array:
    """`[B, *space, I]` -> [B · depth, rows, columns, taps · phases · I], depth being the first of the positions."""
    axes = axes_of(geometry)
    around = [
        (low, axis.phases * axis.size - low - size, 0)
        for axis, size, (low, _) in zip(axes, geometry.space, geometry.padding)
    ]
    x = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *around, (0, 0, 0)])
    x = x.reshape(x.shape[0], *itertools.chain(*((axis.size, axis.phases) for axis in axes)), x.shape[-1])
    x = x.transpose(0, 1, 3, 5, 2, 4, 6, 7)
    x = x.reshape(*x.shape[:4], -1)
    first, depth = axes[0], geometry.positions[0]
    reach = (depth - 1) * first.stride + 1
    x = jnp.concatenate([x[:, tap : tap + reach : first.stride] for tap in range(first.taps)], axis=-1)
    return flat(x)


def kernel(w: Array, geometry: Geometry) -> Array:
    """`[*window, I, O]` -> [taps of the rows, of the columns, first taps · phases · I, O]."""
    axes = axes_of(geometry)
    w = w.reshape(*itertools.chain(*((axis.taps, axis.phases) for axis in axes)), *w.shape[-2:])
    w = w.transpose(2, 4, 0, 1, 3, 5, 6, 7)
    return w.reshape(*w.shape[:2], math.prod(w.shape[2:7]), w.shape[-1])


def flat(x: Array) -> Array:
    """[B, depth, rows, columns, C] -> [B · depth, rows, columns, C]."""
    return x.reshape(-1, *x.shape[2:])
