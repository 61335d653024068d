"""The three maps of a convolution as products of spectra, which a CPU computes faster than XLA's own convolutions.

A convolution with stride s is one with stride 1 of the s·s phases of x, taken as channels, with those of the kernel.
One with stride 1 is a product of spectra, and a complex product is three real ones (Gauss; Blahut 2010, section 1.1)::

    y = C ((A x) ⊙ (B w))      x = Aᵀ ((Cᵀ g) ⊙ (B w))      w = Bᵀ ((A x) ⊙ (Cᵀ g))

A [R, n], B [R, taps] and C [P, R] are real constants, ⊙ is one matrix product over channels (or over examples, in the
kernel gradient) for each of the R rows. Where two maps use the same array, XLA computes its spectrum once.

For 5x5 windows over 7x7 positions, R = 121 products replace 25 · 49 = 1,225 per example and pair of channels. The
result equals the direct form up to rounding: 5e-7 of the largest value in float32.

Shapes, for one, two or three spatial dimensions:
  x `[B, *space, I]`, w `[*window, I, O]`, y and g `[B, *positions, O]`.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from gan_jax.nets.conv.geometry import Geometry
from gan_jax.types import Array

GAIN = 1.5  # the fewest multiplications saved, as a factor, that make up for the slower, small matrix products


def conv(x: Array, w: Array, *, geometry: Geometry) -> Array:
    product = multiply("rbc,rco->rbo", spectrum_of_x(x, geometry), spectrum_of_w(w, geometry), geometry)
    y = transform(transforms(geometry).y, product, geometry)
    return jnp.moveaxis(y, 0, 1).reshape(x.shape[0], *geometry.positions, -1)


def input_gradient(g: Array, w: Array, *, geometry: Geometry) -> Array:
    turned = jnp.swapaxes(phases_of_w(w, geometry), 1, 2)  # a matrix product is faster by rows
    spectrum = transform(transforms(geometry).w, turned, geometry)
    product = multiply("rbo,roc->rbc", spectrum_of_y(g, geometry), spectrum, geometry)
    x = transform(transforms(geometry).x.T, product, geometry)
    return from_phases_of_x(x, geometry)


def kernel_gradient(x: Array, g: Array, *, geometry: Geometry) -> Array:
    product = multiply("rbc,rbo->rco", spectrum_of_x(x, geometry), spectrum_of_y(g, geometry), geometry)
    w = transform(transforms(geometry).w.T, product, geometry)
    return from_phases_of_w(w, geometry)


def pays(geometry: Geometry, dtype: Any, batch_size: int, inputs: int, outputs: int) -> bool:
    """Whether spectra, with their transforms, take fewer multiplications than the direct form, by a factor of GAIN.

    The answer is the same for all three maps, so that they can share spectra.
    """
    if dtype not in (jnp.float32, jnp.float64) or not isinstance(batch_size, int):  # a size exported as a symbol
        return False
    rows = math.prod(period(*axis) for axis in axes_of(geometry)) * 3 / 2
    channels = inputs * math.prod(geometry.strides)
    x, w, y = batch_size * channels, channels * outputs, batch_size * outputs
    products = batch_size * channels * outputs
    sizes = [math.prod(size) for size in zip(*((axis.size, axis.taps, axis.positions) for axis in axes_of(geometry)))]
    transforms = sum(map(math.prod, zip(sizes, (x, w, y))))
    direct = math.prod(geometry.positions) * math.prod(geometry.window) * batch_size * inputs * outputs
    return direct > GAIN * rows * (products + transforms)


class Axis(NamedTuple):
    """One dimension of the convolution of phases: y[p] = Σ x[p + first + t] w[t], t < taps."""

    size: int
    taps: int
    first: int
    positions: int


def axes_of(geometry: Geometry) -> list[Axis]:
    """Tap k of the window multiplies x[s·p + k - low], which is entry p + (k - low) // s of phase (k - low) % s."""
    axes = []
    for size, window, stride, (low, _), positions in zip(*geometry[:4], geometry.positions):
        first, last = -low // stride, (window - 1 - low) // stride
        axes.append(Axis(-(-size // stride), last - first + 1, first, positions))
    return axes


def period(size: int, taps: int, first: int, positions: int) -> int:
    """The shortest period in which sums that wrap around only reach unused entries."""
    return max(size - first, positions + first + taps - 1)


class Transforms(NamedTuple):
    x: np.ndarray  # A [R, n]
    w: np.ndarray  # B [R, taps]
    y: np.ndarray  # C [P, R]


@functools.cache
def transforms(geometry: Geometry) -> Transforms:
    """One row for a frequency with a real spectrum, three for a complex one, where X = Xr + i Xi and W = Wr + i Wi:

    Re(c X W) = (cr + ci) Xr Wr + (ci - cr) Xi Wi - ci (Xr + Xi) (Wr + Wi), and the conjugate adds the same again.
    """
    axes = axes_of(geometry)
    periods = [period(*axis) for axis in axes]

    def waves(frequency: Sequence[int], starts: Sequence[int], counts: Sequence[int], sign: int) -> np.ndarray:
        places = np.indices(counts).reshape(len(axes), -1) + np.reshape(starts, (-1, 1))
        return np.exp(sign * 2j * np.pi * (np.divide(frequency, periods) @ places))

    zeros = [0] * len(axes)
    of_x, of_w, of_y = [], [], []
    for frequency in itertools.product(*map(range, periods)):
        conjugate = tuple(-f % p for f, p in zip(frequency, periods))
        if conjugate < frequency:
            continue
        x = waves(frequency, zeros, [axis.size for axis in axes], -1)
        w = waves(frequency, [axis.first for axis in axes], [axis.taps for axis in axes], 1)
        y = waves(frequency, zeros, geometry.positions, 1) / math.prod(periods)
        if conjugate == frequency:
            of_x += [x.real]
            of_w += [w.real]
            of_y += [y.real]
        else:
            of_x += [x.real, x.imag, x.real + x.imag]
            of_w += [w.real, w.imag, w.real + w.imag]
            of_y += [2 * (y.real + y.imag), 2 * (y.imag - y.real), -2 * y.imag]
    return Transforms(np.stack(of_x), np.stack(of_w), np.stack(of_y, axis=1))


def spectrum_of_x(x: Array, geometry: Geometry) -> Array:
    """`[B, *space, I]` -> [R, B, s·s·I]."""
    return transform(transforms(geometry).x, phases_of_x(x, geometry), geometry)


def spectrum_of_w(w: Array, geometry: Geometry) -> Array:
    """`[*window, I, O]` -> [R, s·s·I, O]."""
    return transform(transforms(geometry).w, phases_of_w(w, geometry), geometry)


def spectrum_of_y(g: Array, geometry: Geometry) -> Array:
    """`[B, *positions, O]` -> [R, B, O]."""
    g = jnp.moveaxis(g.reshape(g.shape[0], -1, g.shape[-1]), 0, 1)
    return transform(transforms(geometry).y.T, g, geometry)


def transform(matrix: np.ndarray, x: Array, geometry: Geometry) -> Array:
    return jnp.tensordot(jnp.asarray(matrix, x.dtype), x, 1, precision=geometry.precision)


def multiply(product: str, one: Array, other: Array, geometry: Geometry) -> Array:
    return jnp.einsum(product, one, other, precision=geometry.precision)


def phases_of_x(x: Array, geometry: Geometry) -> Array:
    """`[B, *space, I]` -> [n, B, s·s·I]."""
    counts = [axis.size for axis in axes_of(geometry)]
    x = split(jnp.moveaxis(x, 0, -2), [0] * len(counts), counts, geometry.strides)
    return jnp.swapaxes(x, 1, 2).reshape(x.shape[0], x.shape[2], -1)


def from_phases_of_x(x: Array, geometry: Geometry) -> Array:
    """[n, B, s·s·I] -> `[B, *space, I]`."""
    counts = [axis.size for axis in axes_of(geometry)]
    x = jnp.swapaxes(x.reshape(*x.shape[:2], math.prod(geometry.strides), -1), 1, 2)
    return jnp.moveaxis(join(x, [0] * len(counts), counts, geometry.strides, geometry.space), -2, 0)


def phases_of_w(w: Array, geometry: Geometry) -> Array:
    """`[*window, I, O]` -> [taps, s·s·I, O]."""
    w = split(w, fronts_of(geometry), [axis.taps for axis in axes_of(geometry)], geometry.strides)
    return w.reshape(w.shape[0], -1, w.shape[-1])


def from_phases_of_w(w: Array, geometry: Geometry) -> Array:
    """[taps, s·s·I, O] -> `[*window, I, O]`."""
    w = w.reshape(w.shape[0], math.prod(geometry.strides), -1, w.shape[-1])
    taps = [axis.taps for axis in axes_of(geometry)]
    return join(w, fronts_of(geometry), taps, geometry.strides, geometry.window)


def fronts_of(geometry: Geometry) -> list[int]:
    """Zeros before the window, so that its first tap falls on its phase."""
    return [-low % stride for (low, _), stride in zip(geometry.padding, geometry.strides)]


def split(x: Array, fronts: Sequence[int], counts: Sequence[int], strides: Sequence[int]) -> Array:
    """Pads with zeros and separates the phases: `[*sizes, P, Q]` -> [n, s·s, P, Q], where n = prod(counts)."""
    d = len(counts)
    ends = [count * stride - front - size for count, stride, front, size in zip(counts, strides, fronts, x.shape)]
    x = jnp.pad(x, [*zip(fronts, ends), (0, 0), (0, 0)])
    x = x.reshape(*itertools.chain(*zip(counts, strides)), *x.shape[-2:])
    x = x.transpose(*range(0, 2 * d, 2), *range(1, 2 * d, 2), 2 * d, 2 * d + 1)
    return x.reshape(math.prod(counts), math.prod(strides), *x.shape[-2:])


def join(x: Array, fronts: Sequence[int], counts: Sequence[int], strides: Sequence[int], sizes: Sequence[int]) -> Array:
    """The transpose of `split`: [n, s·s, P, Q] -> `[*sizes, P, Q]`."""
    d = len(counts)
    x = x.reshape(*counts, *strides, *x.shape[-2:])
    x = x.transpose(*itertools.chain(*zip(range(d), range(d, 2 * d))), 2 * d, 2 * d + 1)
    x = x.reshape(*(count * stride for count, stride in zip(counts, strides)), *x.shape[-2:])
    return x[tuple(slice(front, front + size) for front, size in zip(fronts, sizes))]
