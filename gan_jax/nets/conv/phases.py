"""The three maps of a strided convolution in one dimension, on a CPU: the input gradient without a dilation's zeros.

`direct` puts s - 1 zeros between the entries of g, and XLA:CPU multiplies by them. Here each of the s phases of x has
its own taps, as in `fourier`: ⌈25/4⌉ · 4 = 28 products where dilation takes 100. In one dimension the phases are
channels of x in memory: [B, n, s·I] is [B, n·s, I]. The other two maps are XLA's own. Spectra save little here: the
kernel's, for 25 taps, is five times as large as the kernel, and batches are small.
"""

from gan_jax.nets.conv import direct
from gan_jax.nets.conv.direct import conv as conv, kernel_gradient as kernel_gradient
from gan_jax.nets.conv.fourier import axes_of, phases_of_w
from gan_jax.nets.conv.geometry import Geometry
from gan_jax.types import Array


def pays(geometry: Geometry) -> bool:
    """Whether the convolution is strided and one-dimensional."""
    return len(geometry.space) == 1 and geometry.strides[0] > 1


def input_gradient(g: Array, w: Array, *, geometry: Geometry) -> Array:
    """g [B, P, O], w [K, I, O] -> x [B, T, I]."""
    (axis,) = axes_of(geometry)
    padding = (-axis.first, axis.positions + axis.first + axis.taps - 1 - axis.size)
    apart = Geometry((axis.size,), (axis.taps,), (1,), (padding,), geometry.precision)
    x = direct.input_gradient(g, phases_of_w(w, geometry), geometry=apart)
    return x.reshape(x.shape[0], -1, w.shape[-2])[:, : geometry.space[0]]
