"""The DCGAN of Radford et al. 2016 for larger images: strided convolutions down to 4x4, one per doubling of the side.

`generator()` and `critic()` are the paper's networks for 64x64 RGB, except that their width is 64 instead of 128.
Weights start from a normal distribution of standard deviation 0.02, and LeakyReLU has slope 0.2 (section 4). Kernels
are 5x5, as in the paper's figure 1.
"""

import functools
from collections.abc import Mapping, Sequence

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.nets.conv import Conv, ConvTranspose, smooth
from gan_jax.nets.layers import BatchNorm, Identity, Norm, Projection, check_width, conditional, with_heads
from gan_jax.nets.linen import from_linen
from gan_jax.types import Array, Condition, Mode, Network, Output

kernel_init = nn.initializers.normal(0.02)


def generator(
    *,
    width: int = 64,
    norm: Norm = BatchNorm,
    classes: int = 0,
    shape: Sequence[int] = (64, 64, 3),
    taps: Sequence[float] = (1.0,),
) -> Network:
    """Latents [B, Z] -> images `[B, *shape]` in (-1, 1).

    Args:
      width: Channels of the last hidden layer; each one before it has twice as many.
      norm: Before each activation.
      classes: The number of classes; 0 for none. With classes, BatchNorm becomes ConditionalBatchNorm.
      shape: (side, side, channels).
      taps: A filter along both axes after each transposed convolution, whose checkerboard (1, 2, 1) removes; the paper
        has none. Karras 2020 (StyleGAN2) filters so too.

    Raises:
      ValueError: The image isn't a square whose side is a power of 2, 8 or more, or the width is below 1.
    """
    check_width(width)
    side = shape[0]
    if len(shape) != 3 or shape[1] != side or side < 8 or side & (side - 1):
        raise UserError(f"shape {tuple(shape)}: want (side, side, channels), the side a power of 2, 8 or more")
    return from_linen(Generator(width, conditional(norm, classes), tuple(shape), tuple(taps)))


def critic(
    *, width: int = 64, norm: Norm = Identity, classes: int = 0, heads: Mapping[str, int] | None = None
) -> Network:
    """Images [B, side, side, channels], whose side is a power of 2, 8 or more -> logits [B].

    Args:
      width: Channels of the first layer; each one after it has twice as many.
      norm: After each convolution but the first. The paper has BatchNorm, which rules out penalties on the gradient.
      classes: The number of classes; 0 for none. With classes, the logit includes the projection of Miyato & Koyama
        2018 onto the flattened features.
      heads: Further linear outputs of the last features, {name: size}. They and the features are in `Output.extra`.

    Raises:
      ValueError: The width is below 1.
    """
    check_width(width)
    return from_linen(Critic(width, norm, classes, heads))


class Generator(nn.Module):
    width: int
    norm: Norm
    shape: tuple[int, ...]
    taps: tuple[float, ...]

    @nn.compact
    def __call__(self, z: Array, condition: Condition, mode: Mode) -> Array:
        conv = functools.partial(ConvTranspose, kernel_size=(5, 5), strides=2, kernel_init=kernel_init)
        features = self.width * self.shape[0] // 8
        x = nn.Dense(16 * features, use_bias=False, kernel_init=kernel_init)(z).reshape(-1, 4, 4, features)
        while x.shape[1] < self.shape[0] // 2:
            x = nn.relu(self.norm()(x, condition, mode))
            x = smooth(conv(x.shape[-1] // 2, use_bias=False)(x), self.taps)
        x = nn.relu(self.norm()(x, condition, mode))
        return jnp.tanh(smooth(conv(self.shape[-1])(x), self.taps))


class Critic(nn.Module):
    width: int
    norm: Norm
    classes: int
    heads: Mapping[str, int] | None

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array | Output:
        features = self.width
        while x.shape[1] > 4:
            first = features == self.width
            x = Conv(features, (5, 5), strides=2, kernel_init=kernel_init)(x)
            x = nn.leaky_relu(x if first else self.norm()(x, condition, mode), 0.2)
            features *= 2
        x = x.reshape(x.shape[0], -1)
        logits = nn.Dense(1, kernel_init=kernel_init)(x)[:, 0]
        if self.classes:
            logits += Projection(self.classes)(x, condition)
        return with_heads(x, logits, self.heads)
