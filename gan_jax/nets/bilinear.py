"""Convolution and its input and kernel gradients: three bilinear primitives, closed under differentiation.

A convolution y = conv(x, w) is linear in x and in w. Its transposes are the input gradient (g, w) -> x and
the kernel gradient (x, g) -> w. They are bilinear too, and the transposes of each of the three are the other
two. As JAX primitives that name one another they have derivatives of every order, each one of the three.

All three reach XLA in canonical dimension order (NHWC, HWIO, NHWC), by explicit transposes. XLA:CPU falls off
its fast path otherwise: up to 60 times slower inside `lax.scan`, and for the kernel gradient of a strided
transposed convolution anywhere. A gradient penalty meets both.

Shapes, for one, two or three spatial dimensions:
  x [B, *space, I], w [*window, I, O], y and g [B, *positions, O].
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from gan_jax.types import Array


class Geometry(NamedTuple):
    """What the three maps have in common, so that a derivative passes it on unchanged."""

    space: tuple[int, ...]
    window: tuple[int, ...]
    strides: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    precision: Any  # the default where the convolution was written, not where it is lowered

    @property
    def positions(self) -> tuple[int, ...]:
        return tuple(
            (size + low + high - window) // stride + 1
            for size, window, stride, (low, high) in zip(self.space, self.window, self.strides, self.padding)
        )

    @property
    def reach(self) -> tuple[int, ...]:
        """The positions' extent in x: what they span once dilated by the strides."""
        return tuple((n - 1) * stride + 1 for n, stride in zip(self.positions, self.strides))


def plain_conv(x: Array, w: Array, *, geometry: Geometry) -> Array:
    return canonical(x, w, geometry, geometry.padding, strides=geometry.strides)


def plain_input_gradient(g: Array, w: Array, *, geometry: Geometry) -> Array:
    """Convolves g, dilated by the strides, with w flipped in space and its channels swapped."""
    flipped = jnp.swapaxes(lax.rev(w, range(w.ndim - 2)), -1, -2)
    padding = [
        (window - 1 - low, size + low - reach)
        for size, window, reach, (low, _) in zip(geometry.space, geometry.window, geometry.reach, geometry.padding)
    ]
    return canonical(g, flipped, geometry, padding, x_dilation=geometry.strides)


def plain_kernel_gradient(x: Array, g: Array, *, geometry: Geometry) -> Array:
    """Convolves x as [I, *space, B] with g as [*positions, B, O], dilated by the strides: [I, *window, O]."""
    padding = [
        (low, reach + window - 1 - low - size)
        for size, window, reach, (low, _) in zip(geometry.space, geometry.window, geometry.reach, geometry.padding)
    ]
    w = canonical(jnp.swapaxes(x, 0, -1), jnp.moveaxis(g, 0, -2), geometry, padding, w_dilation=geometry.strides)
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
) -> Array:
    space = "DHW"[-(x.ndim - 2) :]
    return lax.conv_general_dilated(
        x,
        w,
        strides or [1] * len(space),
        padding,
        x_dilation,
        w_dilation,
        dimension_numbers=(f"N{space}C", f"{space}IO", f"N{space}C"),
        precision=geometry.precision,
    )


def primitive(name: str, plain: Callable[..., Array], *, folds: bool) -> Primitive:
    """A primitive that means `plain`. folds: axis 0 of argument 0 and of the result is the examples."""
    p = Primitive(name)

    def batch(args: Sequence[Array], axes: Sequence[Any], *, geometry: Geometry) -> tuple[Array, int]:
        if folds and axes[1] is None:  # more examples, and still the primitive: per-example gradients stay fast
            x = jnp.moveaxis(args[0], axes[0], 0)
            y = p.bind(x.reshape(-1, *x.shape[2:]), args[1], geometry=geometry)
            return y.reshape(*x.shape[:2], *y.shape[1:]), 0
        return jax.vmap(functools.partial(plain, geometry=geometry), axes)(*args), 0

    def shape(*args: Any, geometry: Geometry) -> Any:
        return jax.make_jaxpr(functools.partial(plain, geometry=geometry))(*args).out_avals[0]

    p.def_impl(jax.jit(plain, static_argnames="geometry"))
    p.def_abstract_eval(shape)
    batching.primitive_batchers[p] = batch
    mlir.register_lowering(p, mlir.lower_fun(plain, multiple_results=False))
    return p


conv_p = primitive("gan_conv", plain_conv, folds=True)
input_gradient_p = primitive("gan_conv_input_gradient", plain_input_gradient, folds=True)
kernel_gradient_p = primitive("gan_conv_kernel_gradient", plain_kernel_gradient, folds=False)

# The transposes of each by its first and by its second argument, given the cotangent of its result.
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
