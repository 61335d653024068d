"""The three maps as they are fastest on a CPU: by the module that fits the geometry, and groups one by one.

XLA:CPU takes a hundred times as long for the kernel gradient of a grouped convolution as for those of its groups.

Shapes, for one, two or three spatial dimensions, and G groups of channels:
  x `[B, *space, I]`, w `[*window, I/G, O]`, y and g `[B, *positions, O]`.
"""

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import jax.numpy as jnp
from jax import lax

from gan_jax.nets.conv import depthwise, direct, fourier, phases, planes, pointwise
from gan_jax.nets.conv.geometry import Geometry
from gan_jax.types import Array


def conv(x: Array, w: Array, *, geometry: Geometry) -> Array:
    return fastest(lambda maps: maps.conv, x, w, x.shape[-1], w.shape[-1], geometry)


def input_gradient(g: Array, w: Array, *, geometry: Geometry) -> Array:
    return fastest(lambda maps: maps.input_gradient, g, w, w.shape[-2] * geometry.groups, w.shape[-1], geometry)


def kernel_gradient(x: Array, g: Array, *, geometry: Geometry) -> Array:
    return fastest(lambda maps: maps.kernel_gradient, x, g, x.shape[-1], g.shape[-1], geometry)


def fastest(
    of: Callable[[ModuleType], Callable[..., Array]], a: Array, b: Array, inputs: int, outputs: int, geometry: Geometry
) -> Array:
    """A map by the module where it is fastest: in all three, groups split the last axes of arguments and result."""
    groups, alone = geometry.groups, geometry._replace(groups=1)
    if inputs == outputs == groups > 1:
        return of(depthwise)(a, b, geometry=geometry)
    maps = fastest_module(alone, a, inputs // groups, outputs // groups)
    parts: Iterable[Any] = zip(jnp.split(a, groups, axis=-1), jnp.split(b, groups, axis=-1))
    if maps is direct:  # or XLA:CPU computes a and b again within the transposes: a fifth of R3GAN's time
        parts = map(lax.optimization_barrier, parts)
    one = of(maps)
    return jnp.concatenate([one(*part, geometry=alone) for part in parts], axis=-1)


def fastest_module(geometry: Geometry, x: Array, inputs: int, outputs: int) -> ModuleType:
    """The module whose three maps are fastest for a convolution of one group."""
    if pointwise.fits(geometry):
        return pointwise
    if len(geometry.space) == 3:
        return planes
    if phases.pays(geometry):
        return phases
    return fourier if fourier.pays(geometry, x.dtype, x.shape[0], inputs, outputs) else direct
