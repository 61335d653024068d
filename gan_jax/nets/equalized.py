"""StyleGAN's layers: equalised learning rates (Karras 2018, section 4.1) and modulated convolutions (Karras 2020).

Kernels begin as N(0, 1) and are scaled where they are used, so Adam moves all of them at the same relative speed.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax.linen.dtypes import promote_dtype

from gan_jax.nets.conv import conv, conv_transpose, downsample, upfirdn
from gan_jax.nets.conv.convolution import add_bias, spread
from gan_jax.nets.conv.resample import BINOMIAL, scaled
from gan_jax.types import Array

SMALL = 1e-8  # added where a norm divides


class Dense(nn.Module):
    """A linear layer with an equalised learning rate.

    Attributes:
      features: Outputs.
      multiplier: The learning rate relative to other layers: parameters are divided by it at first, and multiplied
        where they are used.
      bias_init: The bias at first, where the multiplier is 1.
    """

    features: int
    multiplier: float = 1.0
    bias_init: float = 0.0

    @nn.compact
    def __call__(self, x: Array) -> Array:
        inputs = x.shape[-1]
        kernel = self.param("kernel", nn.initializers.normal(1 / self.multiplier), (inputs, self.features))
        bias = self.param("bias", nn.initializers.constant(self.bias_init), (self.features,))
        x, kernel, bias = promote_dtype(x, kernel, bias)
        return add_bias(x @ (kernel * (self.multiplier / inputs**0.5)), bias * self.multiplier)


class Conv(nn.Module):
    """A square convolution with an equalised learning rate.

    Attributes:
      features: Output channels.
      size: Side of the window.
      down: Whether it halves the sides, by the filter [1, 3, 3, 1] and a stride.
      use_bias: Whether there is a bias.
      dtype: In which it computes; None for the widest of its input and parameters.
    """

    features: int
    size: int = 3
    down: bool = False
    use_bias: bool = True
    dtype: Any = None

    @nn.compact
    def __call__(self, x: Array) -> Array:
        shape = (self.size, self.size, x.shape[-1], self.features)
        kernel = self.param("kernel", nn.initializers.normal(1.0), shape)
        bias = self.param("bias", nn.initializers.zeros, (self.features,)) if self.use_bias else None
        x, kernel, bias = promote_dtype(x, kernel, bias, dtype=self.dtype)
        kernel = kernel * (x.shape[-1] * self.size**2) ** -0.5
        if not self.down:
            return add_bias(conv(x, kernel), bias)
        if self.size == 1:
            return add_bias(conv(downsample(x), kernel), bias)
        around = self.size // 2 + 1
        x = upfirdn(x, scaled(BINOMIAL, 1), padding=(around, around))
        return add_bias(conv(x, kernel, 2, "VALID"), bias)


def activate(x: Array) -> Array:
    """The leaky ReLU, with slope 0.2 below 0, times √2."""
    return nn.leaky_relu(x, 0.2) * 2**0.5


def normalised(x: Array) -> Array:
    """Each example [..., n] divided by the root of its mean square."""
    return x * jax.lax.rsqrt(jnp.mean(x**2, -1, keepdims=True) + SMALL)


def modulated_conv(x: Array, w: Array, styles: Array, *, up: bool = False, demodulate: bool = True) -> Array:
    """A convolution of each example with its own kernel: w times the example's styles, divided by its norm.

    It scales the inputs and the outputs of one convolution with w, which gives the same.

    Args:
      x: [B, height, width, I].
      w: [size, size, I, O].
      styles: A factor for each input channel, [B, I].
      up: Whether it doubles the sides, by a transposed convolution of stride 2 and the filter [1, 3, 3, 1].
      demodulate: Whether each output's kernel is divided by its norm, √(Σ (w · styles)² + 1e-8).

    Returns:
      [B, height, width, O], or sides twice as large.

    Karras 2020, "Analyzing and Improving the Image Quality of StyleGAN", eq. 1 and 3.
    """
    x = x * spread(styles[:, None, None], x.shape).astype(x.dtype)
    if up:
        x = conv_transpose(x, jnp.swapaxes(w, -1, -2), 2, "VALID")
        x = upfirdn(x, scaled(BINOMIAL, 2), padding=(1, 1))
    else:
        x = conv(x, w)
    if demodulate:
        factors = jax.lax.rsqrt(styles**2 @ jnp.sum(w**2, (0, 1)) + SMALL)
        x = x * spread(factors[:, None, None], x.shape).astype(x.dtype)
    return x


class Mapping(nn.Module):
    """Inputs [B, Z] each, such as latents and embedded classes -> styles [B, size].

    Attributes:
      size: Size of a style.
      depth: Layers.
    """

    size: int
    depth: int

    @nn.compact
    def __call__(self, *inputs: Array) -> Array:
        x = jnp.concatenate([normalised(x) for x in inputs], -1)
        for _ in range(self.depth):
            x = activate(Dense(self.size, multiplier=0.01)(x))
        return x


class Modulated(nn.Module):
    """A modulated convolution, noise, a bias and the leaky ReLU: [B, H, W, I] -> [B, H, W, width].

    It also takes a style [B, size], and a key for each example's noise [B] or None.

    Attributes:
      width: Channels of the output.
      dtype: In which it computes; None for that of its parameters.
      up: Whether it doubles the sides.
    """

    width: int
    dtype: Any
    up: bool = False

    @nn.compact
    def __call__(self, x: Array, style: Array, keys: Array | None) -> Array:
        styles = Dense(x.shape[-1], bias_init=1.0)(style)
        kernel = self.param("kernel", nn.initializers.normal(1.0), (3, 3, x.shape[-1], self.width))
        strength = self.param("strength", nn.initializers.zeros, ())
        bias = self.param("bias", nn.initializers.zeros, (self.width,))
        x, kernel, styles, strength, bias = promote_dtype(x, kernel, styles, strength, bias, dtype=self.dtype)
        x = modulated_conv(x, kernel, styles, up=self.up)
        if keys is not None:
            noise = jax.vmap(lambda key: jax.random.normal(key, (*x.shape[1:3], 1)))(keys)  # the same in any type
            x = x + (spread(strength, noise.shape) * noise).astype(x.dtype)
        return activate(add_bias(x, bias))


class ToRGB(nn.Module):
    """A modulated 1x1 convolution and a bias, in the style's type: [B, H, W, I] -> [B, H, W, channels].

    Attributes:
      channels: Those of the image.
    """

    channels: int

    @nn.compact
    def __call__(self, x: Array, style: Array) -> Array:
        inputs = x.shape[-1]
        styles = Dense(inputs, bias_init=1.0)(style) * inputs**-0.5
        kernel = self.param("kernel", nn.initializers.normal(1.0), (1, 1, inputs, self.channels))
        bias = self.param("bias", nn.initializers.zeros, (self.channels,))
        return add_bias(modulated_conv(x.astype(style.dtype), kernel, styles, demodulate=False), bias)


class Block(nn.Module):
    """Two convolutions: [B, H, W, C] -> [B, H/2, W/2, width].

    Attributes:
      width: Channels of the output.
      residual: Whether a shortcut is added.
      dtype: In which it computes; None for that of its parameters.
    """

    width: int
    residual: bool
    dtype: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = activate(Conv(x.shape[-1], dtype=self.dtype)(x))
        y = activate(Conv(self.width, down=True, dtype=self.dtype)(y))
        if not self.residual:
            return y
        return (y + Conv(self.width, 1, down=True, use_bias=False, dtype=self.dtype)(x)) * 0.5**0.5
