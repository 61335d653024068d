"""The three maps of a convolution as XLA convolutions, each in canonical dimension order (NHWC, HWIO, NHWC).

The transposes are explicit, since other orders leave XLA:CPU's fast path: up to 60 times slower inside `lax.scan`, and
anywhere for the kernel gradient of a strided transposed convolution. A gradient penalty needs both.

Shapes, for one, two or three spatial dimensions, and G groups of channels:
  x `[B, *space, I]`, w `[*window, I/G, O]`, y and g `[B, *positions, O]`.
"""

from collections.abc import Sequence

import jax.numpy as jnp
from jax import lax

from gan_jax.nets.conv.geometry import Geometry
from gan_jax.types import Array


def conv(x: Array, w: Array, *, geometry: Geometry) -> Array:
    """Convolves x with w."""
    return canonical(x, w, geometry, geometry.padding, strides=geometry.strides, x_groups=geometry.groups)


def input_gradient(g: Array, w: Array, *, geometry: Geometry) -> Array:
    """Convolves g, dilated by the strides, with w flipped in space and its channels swapped within each group."""
    flipped = jnp.swapaxes(lax.rev(w, range(w.ndim - 2)).reshape(*w.shape[:-1], geometry.groups, -1), -1, -3)
    flipped = flipped.reshape(*flipped.shape[:-2], -1)
    padding = [
        (window - 1 - low, size + low - reach)
        for size, window, reach, (low, _) in zip(geometry.space, geometry.window, geometry.reach, geometry.padding)
    ]
    return canonical(g, flipped, geometry, padding, x_dilation=geometry.strides, x_groups=geometry.groups)


def kernel_gradient(x: Array, g: Array, *, geometry: Geometry) -> Array:
    """Convolves x as `[I, *space, B]` with g as `[*positions, B, O]`, dilated by the strides: `[I/G, *window, O]`."""
    padding = [
        (low, reach + window - 1 - low - size)
        for size, window, reach, (low, _) in zip(geometry.space, geometry.window, geometry.reach, geometry.padding)
    ]
    x, g = jnp.swapaxes(x, 0, -1), jnp.moveaxis(g, 0, -2)
    w = canonical(x, g, geometry, padding, w_dilation=geometry.strides, batch_groups=geometry.groups)
    return jnp.moveaxis(w, 0, -2)


def canonical(
    x: Array,
    w: Array,
    geometry: Geometry,
    padding: Sequence[tuple[int, int]],
    *,
    strides: Sequence[int] | None = None,
    x_dilation: Sequence[int] | None = None,
    w_dilation: Sequence[int] | None = None,
    x_groups: int = 1,
    batch_groups: int = 1,
) -> Array:
    space = "DHW"[-(x.ndim - 2) :]
    if min(map(min, padding), default=0) < 0:  # XLA:CPU may then read outside its buffers (openxla/xla#48713)
        steps = x_dilation or [1] * len(space)
        config = [(0, 0, 0), *((low, high, step - 1) for (low, high), step in zip(padding, steps)), (0, 0, 0)]
        x, padding, x_dilation = lax.pad(x, jnp.zeros((), x.dtype), config), [(0, 0)] * len(space), None
    return lax.conv_general_dilated(
        x,
        w,
        strides or [1] * len(space),
        padding,
        x_dilation,
        w_dilation,
        dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"),
        feature_group_count=x_groups,
        batch_group_count=batch_groups,
        precision=geometry.precision,
    )
