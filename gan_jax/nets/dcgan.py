"""The DCGAN of TensorFlow's tutorial (tensorflow.org/tutorials/generative/dcgan), layer for layer.

The tutorial's networks are `generator()` and `critic()`. Keras' weights fit: Dense and Conv2D kernels unchanged,
Conv2DTranspose kernels with the last two axes swapped, BatchNormalization's gamma and beta as scale and bias, its
moving mean and variance as stats. In the order of Keras' layers, ours are

- generator: Dense_0, BatchNorm_0, ConvTranspose_0, BatchNorm_1, ConvTranspose_1, BatchNorm_2, ConvTranspose_2
- critic: Conv_0, Conv_1, Dense_0

where each BatchNorm_i holds a BatchNorm_0, Linen's own.
"""

import functools
from collections.abc import Mapping, Sequence

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.nets.conv.convolution import Conv, ConvTranspose
from gan_jax.nets.layers import BatchNorm, Dropout, Identity, Norm, Projection, conditional, with_heads
from gan_jax.nets.linen import from_linen
from gan_jax.types import Array, Condition, Mode, Network, Output


def generator(
    *, width: int = 64, norm: Norm = BatchNorm, classes: int = 0, shape: Sequence[int] = (28, 28, 1)
) -> Network:
    """Latents [B, Z] -> images `[B, *shape]` in (-1, 1).

    Args:
      width: Channels of the last hidden layer; those before it have 2 and 4 times as many.
      norm: Before each activation.
      classes: The number of classes; 0 for none. With classes, BatchNorm becomes ConditionalBatchNorm.
      shape: (height, width, channels).

    Raises:
      ValueError: The height or width of the image isn't a multiple of 4.
    """
    if len(shape) != 3 or shape[0] % 4 or shape[1] % 4:
        raise UserError(f"shape {tuple(shape)}: want (height, width, channels), sides multiples of 4")
    return from_linen(Generator(width, conditional(norm, classes), tuple(shape)))


def critic(
    *,
    width: int = 64,
    norm: Norm = Identity,
    dropout: float = 0.3,
    classes: int = 0,
    heads: Mapping[str, int] | None = None,
) -> Network:
    """Images [B, height, width, channels] -> logits [B].

    Args:
      width: Channels of the first layer; the second has twice as many.
      norm: After each convolution; the tutorial has none.
      dropout: The rate of dropout after each convolution.
      classes: The number of classes; 0 for none. With classes, the logit includes the projection of Miyato & Koyama
        2018 onto the flattened features.
      heads: Further linear outputs of the last features, {name: size}. They and the features are in `Output.extra`.
    """
    return from_linen(Critic(width, norm, dropout, classes, heads))


# Keras' default. Only the sum of Glorot's fans counts, so it is the same for a transposed kernel.
kernel_init = nn.initializers.glorot_uniform()
leaky_relu = functools.partial(nn.leaky_relu, negative_slope=0.3)


class Generator(nn.Module):
    width: int
    norm: Norm
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z: Array, condition: Condition, mode: Mode) -> Array:
        height, width, channels = self.shape
        base = (height // 4, width // 4, 4 * self.width)
        conv = functools.partial(ConvTranspose, kernel_size=(5, 5), use_bias=False, kernel_init=kernel_init)
        x = nn.Dense(base[0] * base[1] * base[2], use_bias=False, kernel_init=kernel_init)(z)
        x = leaky_relu(self.norm()(x, condition, mode)).reshape(-1, *base)
        x = leaky_relu(self.norm()(conv(2 * self.width, strides=1)(x), condition, mode))
        x = leaky_relu(self.norm()(conv(self.width, strides=2)(x), condition, mode))
        return jnp.tanh(conv(channels, strides=2)(x))


class Critic(nn.Module):
    width: int
    norm: Norm
    dropout: float
    classes: int
    heads: Mapping[str, int] | None

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array | Output:
        for features in (self.width, 2 * self.width):
            x = Conv(features, (5, 5), strides=2, kernel_init=kernel_init)(x)
            x = Dropout(self.dropout)(leaky_relu(self.norm()(x, condition, mode)), mode)
        x = x.reshape(x.shape[0], -1)
        logits = nn.Dense(1, kernel_init=kernel_init)(x)[:, 0]
        if self.classes:
            logits += Projection(self.classes)(x, condition)
        return with_heads(x, logits, self.heads)
