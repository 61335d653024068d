"""3-D convolutional networks of video: VGAN's one-stream generator and critic. Vondrick et al. 2016, sections 2 and 3.

Time is one more dimension of space: each layer doubles or halves all three. The paper's clips have 32 frames of 64x64
in colour, from a cube of 2x4x4; frames, sides and channels are arguments here. Its second stream, of a background that
stands still, is left out: the digits' background is black.
"""

import functools
from collections.abc import Sequence

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.nets.conv.convolution import Conv, ConvTranspose
from gan_jax.nets.layers import BatchNorm, Identity, Norm, Projection, conditional
from gan_jax.nets.linen import from_linen
from gan_jax.types import Array, Mode, Network

kernel_init = nn.initializers.normal(0.02)  # as DCGAN begins
leaky_relu = functools.partial(nn.leaky_relu, negative_slope=0.2)


def generator(
    *, width: int = 64, norm: Norm = BatchNorm, classes: int = 0, shape: Sequence[int] = (16, 32, 32, 1)
) -> Network:
    """Latents [B, Z] -> clips [B, *shape] in (-1, 1).

    width: channels of the last hidden layer; each layer before it has twice as many as the one after.
    classes: of the label; with them, BatchNorm becomes ConditionalBatchNorm.
    shape: (frames, height, width, channels): sides are halved down to 4, and frames with them.

    Raises:
      ValueError: the shorter side isn't 8, 16, 32 ..., or frames and sides don't divide by as much.
    """
    return from_linen(Generator(width, conditional(norm, classes), tuple(shape), halvings(shape)))


def critic(
    *, width: int = 64, norm: Norm = Identity, classes: int = 0, shape: Sequence[int] = (16, 32, 32, 1)
) -> Network:
    """Clips [B, *shape] -> logits [B]: the generator's mirror image.

    width: channels of the first layer; each further layer has twice as many as the one before.
    norm: after each convolution but the first; the paper has BatchNorm, which a penalty on gradients doesn't bear.
    classes: of the label; with them, the projection of Miyato & Koyama 2018 onto the flattened features.

    Raises:
      ValueError: as the generator does.
    """
    return from_linen(Critic(width, norm, classes, halvings(shape)))


def halvings(shape: Sequence[int]) -> int:
    """How often a clip of this shape is halved, down to sides of 4."""
    count = min(shape[1:3]).bit_length() - 3 if len(shape) == 4 else 0
    if count < 1 or min(shape[1:3]) != 4 << count or any(size % 2**count for size in shape[:3]):
        raise UserError(
            f"shape {tuple(shape)}: want (frames, height, width, channels), the shorter side 8, 16, 32 ..., and frames "
            "and sides multiples of a quarter of that"
        )
    return count


class Generator(nn.Module):
    width: int
    norm: Norm
    shape: tuple[int, ...]
    layers: int

    @nn.compact
    def __call__(self, z: Array, label: Array | None, mode: Mode) -> Array:
        widths = [self.width << power for power in reversed(range(self.layers))]
        base = [size >> self.layers for size in self.shape[:3]] + widths[:1]
        conv = functools.partial(ConvTranspose, kernel_size=(4, 4, 4), strides=2, kernel_init=kernel_init)
        x = nn.Dense(base[0] * base[1] * base[2] * base[3], use_bias=False, kernel_init=kernel_init)(z)
        x = nn.relu(self.norm()(x.reshape(-1, *base), label, mode))
        for features in widths[1:]:
            x = nn.relu(self.norm()(conv(features, use_bias=False)(x), label, mode))
        return jnp.tanh(conv(self.shape[-1])(x))


class Critic(nn.Module):
    width: int
    norm: Norm
    classes: int
    layers: int

    @nn.compact
    def __call__(self, x: Array, label: Array | None, mode: Mode) -> Array:
        for power in range(self.layers):
            x = Conv(self.width << power, (4, 4, 4), strides=2, kernel_init=kernel_init)(x)
            x = leaky_relu(x if power == 0 else self.norm()(x, label, mode))
        x = x.reshape(x.shape[0], -1)
        logits = nn.Dense(1, kernel_init=kernel_init)(x)[:, 0]
        return logits + Projection(self.classes)(x, label) if self.classes else logits
