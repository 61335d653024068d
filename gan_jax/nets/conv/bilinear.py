"""Convolution and its input and kernel gradients: three bilinear primitives, closed under differentiation.

A convolution y = conv(x, w) is linear in x and in w. Its transposes are the input gradient (g, w) -> x and the kernel
gradient (x, g) -> w. They are bilinear too, and the transposes of each of the three are the other two. As JAX
primitives that refer to one another, they have derivatives of every order, each one of the three.

They are computed by XLA's convolutions (`direct`), and on a CPU by what is fastest there (`cpu`).

Shapes, for one, two or three spatial dimensions, and G groups of channels:
  x `[B, *space, I]`, w `[*window, I/G, O]`, y and g `[B, *positions, O]`.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from gan_jax.nets.conv import cpu, direct
from gan_jax.nets.conv.geometry import Geometry
from gan_jax.types import Array

Map = Callable[..., Array]  # two arrays, geometry= -> array


def primitive(name: str, plain: Map, on_cpu: Map, *, folds: bool) -> Primitive:
    """Makes a primitive that computes `plain`, and on a CPU is compiled as `on_cpu`.

    Args:
      name: The primitive's name.
      plain: The map.
      on_cpu: The same map, faster on a CPU.
      folds: Whether axis 0 of the first argument and of the result are the examples.
    """
    p = Primitive(name)

    def batch(args: Sequence[Array], axes: Sequence[Any], *, geometry: Geometry) -> tuple[Array, int]:
        if folds and axes[1] is None:  # fold the axis into the examples: per-example gradients stay fast
            x = jnp.moveaxis(args[0], axes[0], 0)
            y = p.bind(x.reshape(-1, *x.shape[2:]), args[1], geometry=geometry)
            return y.reshape(*x.shape[:2], *y.shape[1:]), 0
        return jax.vmap(functools.partial(plain, geometry=geometry), axes)(*args), 0

    def shape(*args: Any, geometry: Geometry) -> Any:
        return jax.make_jaxpr(functools.partial(plain, geometry=geometry))(*args).out_avals[0]

    p.def_impl(jax.jit(lambda *args, geometry: p.bind(*args, geometry=geometry), static_argnames="geometry"))
    p.def_abstract_eval(shape)
    batching.primitive_batchers[p] = batch
    mlir.register_lowering(p, mlir.lower_fun(plain, multiple_results=False))
    mlir.register_lowering(p, mlir.lower_fun(on_cpu, multiple_results=False), platform="cpu")
    return p


conv_p = primitive("gan_conv", direct.conv, cpu.conv, folds=True)
input_gradient_p = primitive("gan_conv_input_gradient", direct.input_gradient, cpu.input_gradient, folds=True)
kernel_gradient_p = primitive("gan_conv_kernel_gradient", direct.kernel_gradient, cpu.kernel_gradient, folds=False)

# The transposes of each, with respect to its first and second argument, given the cotangent of its result.
ad.defbilinear(
    conv_p,
    lambda g, x, w, **geometry: input_gradient_p.bind(g, w, **geometry),
    lambda g, x, w, **geometry: kernel_gradient_p.bind(x, g, **geometry),
)
ad.defbilinear(
    input_gradient_p,
    lambda x, g, w, **geometry: conv_p.bind(x, w, **geometry),
    lambda x, g, w, **geometry: kernel_gradient_p.bind(x, g, **geometry),
)
ad.defbilinear(
    kernel_gradient_p,
    lambda w, x, g, **geometry: input_gradient_p.bind(g, w, **geometry),
    lambda w, x, g, **geometry: conv_p.bind(x, w, **geometry),
)
