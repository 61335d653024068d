"""3-D convolutional networks of video: VGAN's one-stream generator and critic. Vondrick et al. 2016, sections 2 and 3.

Time is a third dimension of space: each layer doubles or halves all three. The paper's clips have 32 frames of 64x64 in
colour, from a cube of 2x4x4; here frames, sides and channels are arguments. The paper's second stream, for a static
background, is left out, since the background of the digits is black.
"""

import functools
from collections.abc import Mapping, Sequence

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.nets.conv.convolution import Conv, ConvTranspose
from gan_jax.nets.layers import BatchNorm, Identity, Norm, Projection, conditional, with_heads
from gan_jax.nets.linen import from_linen
from gan_jax.types import Array, Condition, Mode, Network, Output

kernel_init = nn.initializers.normal(0.02)  # DCGAN's
leaky_relu = functools.partial(nn.leaky_relu, negative_slope=0.2)


def generator(
    *, width: int = 64, norm: Norm = BatchNorm, classes: int = 0, shape: Sequence[int] = (16, 32, 32, 1)
) -> Network:
    """Latents [B, Z] -> clips `[B, *shape]` in (-1, 1).

    Args:
      width: Channels of the last hidden layer; each layer before it has twice as many as the one after.
      norm: Before each activation.
      classes: The number of classes; 0 for none. With classes, BatchNorm becomes ConditionalBatchNorm.
      shape: (frames, height, width, channels). All three sizes are halved until the shorter side is 4.

    Raises:
      ValueError: The shorter side isn't 8, 16, 32, ..., or the other sizes can't be halved as often.
    """
    return from_linen(Generator(width, conditional(norm, classes), tuple(shape), halvings(shape)))


def critic(
    *,
    width: int = 64,
    norm: Norm = Identity,
    classes: int = 0,
    shape: Sequence[int] = (16, 32, 32, 1),
    heads: Mapping[str, int] | None = None,
) -> Network:
    """Clips `[B, *shape]` -> logits [B]: the generator's mirror image.

    Args:
      width: Channels of the first layer; each further layer has twice as many as the one before.
      norm: After each convolution but the first. The paper has BatchNorm, which rules out penalties on the gradient.
      classes: The number of classes; 0 for none. With classes, the logit includes the projection of Miyato & Koyama
        2018 onto the flattened features.
      shape: (frames, height, width, channels), as in `generator`.
      heads: Further linear outputs of the last features, {name: size}. They and the features are in `Output.extra`.

    Raises:
      ValueError: The shape doesn't fit, as in `generator`.
    """
    return from_linen(Critic(width, norm, classes, halvings(shape), heads))


def halvings(shape: Sequence[int]) -> int:
    """The number of halvings of a clip of this shape, until its shorter side is 4."""
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
    def __call__(self, z: Array, condition: Condition, mode: Mode) -> Array:
        widths = [self.width << power for power in reversed(range(self.layers))]
        base = [size >> self.layers for size in self.shape[:3]] + widths[:1]
        conv = functools.partial(ConvTranspose, kernel_size=(4, 4, 4), strides=2, kernel_init=kernel_init)
        x = nn.Dense(base[0] * base[1] * base[2] * base[3], use_bias=False, kernel_init=kernel_init)(z)
        x = nn.relu(self.norm()(x.reshape(-1, *base), condition, mode))
        for features in widths[1:]:
            x = nn.relu(self.norm()(conv(features, use_bias=False)(x), condition, mode))
        return jnp.tanh(conv(self.shape[-1])(x))


class Critic(nn.Module):
    width: int
    norm: Norm
    classes: int
    layers: int
    heads: Mapping[str, int] | None

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array | Output:
        for power in range(self.layers):
            x = Conv(self.width << power, (4, 4, 4), strides=2, kernel_init=kernel_init)(x)
            x = leaky_relu(x if power == 0 else self.norm()(x, condition, mode))
        x = x.reshape(x.shape[0], -1)
        logits = nn.Dense(1, kernel_init=kernel_init)(x)[:, 0]
        if self.classes:
            logits += Projection(self.classes)(x, condition)
        return with_heads(x, logits, self.heads)
