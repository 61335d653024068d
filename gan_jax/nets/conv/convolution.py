"""Convolutions with fast derivatives of every order, as functions and as Linen modules.

Shapes, for one, two or three spatial dimensions, and G groups of channels:
  x `[B, *space, I]`, w `[*window, I/G, O]`, y and g `[B, *positions, O]`.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype
from jax import lax

from gan_jax.errors import UserError
from gan_jax.nets.conv.bilinear import conv_p, input_gradient_p
from gan_jax.nets.conv.geometry import Padding, geometry_of, space_of
from gan_jax.types import Array

Initializer: TypeAlias = Callable[..., Array]  # (key, shape, dtype) -> parameter


def conv(x: Array, w: Array, strides: int | Sequence[int] = 1, padding: Padding = "SAME", groups: int = 1) -> Array:
    """A convolution in the sense of deep learning, which is a correlation.

    Args:
      x: `[B, *space, I]`.
      w: The kernel, `[*window, I/groups, O]`.
      strides: One number, or one per spatial dimension.
      padding: "SAME", "VALID", or (low, high) for each spatial dimension.
      groups: The number of equal parts of the channels, each convolved by itself; I for a depthwise convolution.

    Returns:
      `[B, *positions, O]`.

    Raises:
      ValueError: The shapes don't fit.
    """
    if x.ndim != w.ndim or x.shape[-1] != w.shape[-2] * groups or w.shape[-1] % groups:
        raise UserError(
            f"conv of x {x.shape} with w {w.shape} in {groups} groups: want [B, *space, I] and [*window, I/groups, O], "
            f"both I and O divisible by the groups"
        )
    geometry = geometry_of(x.shape[1:-1], w.shape[:-2], strides, padding, groups)
    x, w = agree(x, w)
    return conv_p.bind(x, w, geometry=geometry)


def conv_transpose(
    g: Array,
    w: Array,
    strides: int | Sequence[int] = 1,
    padding: Padding = "SAME",
    space: Sequence[int] | None = None,
    groups: int = 1,
) -> Array:
    """The input gradient of `conv`.

    Args:
      g: `[B, *positions, O]`.
      w: The kernel of `conv`, `[*window, I/groups, O]`.
      strides: One number, or one per spatial dimension.
      padding: "SAME", "VALID", or (low, high) for each spatial dimension.
      space: The sizes of the result, since a strided convolution maps several sizes to one. The default is Keras':
        positions · strides for "SAME", else (positions - 1) · strides + max(window, strides) less the padding.
      groups: The groups of `conv`.

    Returns:
      `[B, *space, I]`.

    Raises:
      ValueError: The shapes don't fit.
    """
    if space is None:
        space = space_of(g.shape[1:-1], w.shape[:-2], strides, padding)
    geometry = geometry_of(space, w.shape[:-2], strides, padding, groups)
    fits = g.ndim == w.ndim and g.shape[-1] == w.shape[-1] and g.shape[1:-1] == geometry.positions
    if not fits or g.shape[-1] % groups:
        raise UserError(
            f"conv_transpose of g {g.shape} with w {w.shape} in {groups} groups to space {tuple(space)}: want g to be "
            f"[B, {', '.join(map(str, geometry.positions))}, {w.shape[-1]}], its channels divisible by the groups"
        )
    g, w = agree(g, w)
    return input_gradient_p.bind(g, w, geometry=geometry)


class Conv(nn.Module):
    """Linen's Conv with fast derivatives. The kernel is `[*window, in/groups, out]`; the bias is [out].

    Attributes:
      features: Output channels.
      kernel_size: The window.
      strides: One number, or one per spatial dimension.
      padding: "SAME", "VALID", or (low, high) for each spatial dimension.
      groups: The number of equal parts of the channels, each convolved by itself.
      use_bias: Whether there is a bias.
      kernel_init: Initialises the kernel.
      bias_init: Initialises the bias.
      dtype: In which it computes; None for the widest of its input and parameters.
    """

    features: int
    kernel_size: Sequence[int]
    strides: int | Sequence[int] = 1
    padding: Padding = "SAME"
    groups: int = 1
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer = nn.initializers.zeros
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        if x.shape[-1] % self.groups:
            raise UserError(f"{x.shape[-1]} channels don't divide into {self.groups} groups")
        inputs = x.shape[-1] // self.groups
        kernel = self.param("kernel", self.kernel_init, (*self.kernel_size, inputs, self.features))
        bias = self.param("bias", self.bias_init, (self.features,)) if self.use_bias else None
        x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
        return add_bias(conv(x, kernel, self.strides, self.padding, self.groups), bias)


class ConvTranspose(nn.Module):
    """A transposed convolution, the input gradient of `conv`. The kernel is `[*window, in, out]`; the bias is [out].

    "SAME" gives sizes positions · strides; "VALID" gives those of Keras and Linen. To convert kernels:

    - Keras' Conv2DTranspose, `[*window, out, in]`: swap the last two axes, `jnp.swapaxes(kernel, -1, -2)`.
    - Linen's ConvTranspose, `[*window, in, out]`: reverse the spatial axes, `kernel[::-1, ::-1]`.

    Attributes:
      features: Output channels.
      kernel_size: The window.
      strides: One number, or one per spatial dimension.
      padding: "SAME", "VALID", or (low, high) for each spatial dimension.
      use_bias: Whether there is a bias.
      kernel_init: Initialises the kernel.
      bias_init: Initialises the bias.
    """

    features: int
    kernel_size: Sequence[int]
    strides: int | Sequence[int] = 1
    padding: Padding = "SAME"
    use_bias: bool = True
    kernel_init: Initializer = nn.initializers.lecun_normal()
    bias_init: Initializer = nn.initializers.zeros

    @nn.compact
    def __call__(self, x: Array) -> Array:
        # The last axis is the output, as everywhere: initialisers and spectral norm see the right fans.
        kernel = self.param("kernel", self.kernel_init, (*self.kernel_size, x.shape[-1], self.features))
        bias = self.param("bias", self.bias_init, (self.features,)) if self.use_bias else None
        x, kernel, bias = promote_dtype(x, kernel, bias)
        return add_bias(conv_transpose(x, jnp.swapaxes(kernel, -1, -2), self.strides, self.padding), bias)


def agree(x: Array, w: Array) -> tuple[Array, Array]:
    """Casts both to one dtype, and makes both vary over the same axes of a shard_map with check_vma."""
    dtype = jnp.result_type(x, w)
    axes = varying(x) | varying(w)
    x, w = (lax.pcast(a, tuple(axes - varying(a)), to="varying") if axes - varying(a) else a for a in (x, w))
    return x.astype(dtype), w.astype(dtype)


def varying(x: Array) -> frozenset[str]:
    """The axes of a shard_map with check_vma that x varies over."""
    kind = getattr(jax.typeof(x), "manual_axis_type", None)
    return frozenset() if kind is None else kind.varying


def add_bias(y: Array, bias: Array | None) -> Array:
    return y if bias is None else y + spread(bias, y.shape).astype(y.dtype)


def spread(parameter: Array, shape: Sequence[int]) -> Array:
    """A parameter repeated to a shape, in float32 or wider.

    So its gradient, a sum over all that it is repeated for, is computed in float32: in bfloat16 long sums stop growing.
    """
    wide = parameter.astype(jnp.promote_types(parameter.dtype, jnp.float32))
    return jnp.broadcast_to(wide.reshape([1] * (len(shape) - wide.ndim) + list(wide.shape)), shape)
