"""3D-GAN (Wu et al. 2016): a DCGAN of voxels.

The paper's networks have 64 voxels a side and width 64: `generator(side=64)` and `critic(norm=BatchNorm)`. Its
generator ends in a sigmoid, ours in tanh: empty voxels are -1 and full ones 1, like the images of all other networks.
"""

import functools
from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.nets.conv.convolution import Conv, ConvTranspose
from gan_jax.nets.layers import BatchNorm, Identity, Norm, with_heads
from gan_jax.nets.linen import from_linen
from gan_jax.types import Array, Condition, Mode, Network, Output

BASE = 4  # voxels a side of the smallest layer


def generator(*, width: int = 64, norm: Norm = BatchNorm, side: int = 32) -> Network:
    """Latents [B, Z] -> voxels [B, side, side, side, 1] in (-1, 1).

    Args:
      width: Channels of the last hidden layer; each before it has twice as many.
      norm: Before each activation.
      side: Voxels a side.

    Raises:
      ValueError: The side isn't 8, 16, 32, ...
    """
    return from_linen(Generator(width, norm, doublings(side)))


def critic(*, width: int = 64, norm: Norm = Identity, heads: Mapping[str, int] | None = None) -> Network:
    """Voxels [B, side, side, side, channels] -> logits [B].

    Args:
      width: Channels of the first layer; each after it has twice as many.
      norm: After each layer but the first and last. The paper has BatchNorm, which rules out penalties on the gradient.
      heads: Further linear outputs of the last features, {name: size}. They and the features are in `Output.extra`.
    """
    return from_linen(Critic(width, norm, heads))


def doublings(side: int) -> int:
    """The number of doublings from BASE to the side."""
    count = (side // BASE).bit_length() - 1
    if count < 1 or BASE << count != side:
        raise UserError(f"voxels {side} a side: want 8, 16, 32, 64, ...")
    return count


kernel_init = nn.initializers.glorot_uniform()
leaky_relu = functools.partial(nn.leaky_relu, negative_slope=0.2)


class Generator(nn.Module):
    width: int
    norm: Norm
    doublings: int

    @nn.compact
    def __call__(self, z: Array, condition: Condition, mode: Mode) -> Array:
        conv = functools.partial(ConvTranspose, kernel_size=(4, 4, 4), strides=2, kernel_init=kernel_init)
        channels = self.width << (self.doublings - 1)
        # The paper's transposed convolution of one voxel, 4x4x4 without padding, is a linear layer.
        x = nn.Dense(BASE**3 * channels, use_bias=False, kernel_init=kernel_init)(z)
        x = nn.relu(self.norm()(x.reshape(-1, BASE, BASE, BASE, channels), condition, mode))
        while channels > self.width:
            channels //= 2
            x = nn.relu(self.norm()(conv(channels, use_bias=False)(x), condition, mode))
        return jnp.tanh(conv(1)(x))


class Critic(nn.Module):
    width: int
    norm: Norm
    heads: Mapping[str, int] | None

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array | Output:
        if x.ndim != 5 or len(set(x.shape[1:4])) > 1:
            raise UserError(f"voxels {x.shape}: want [B, side, side, side, channels]")
        conv = functools.partial(Conv, kernel_size=(4, 4, 4), strides=2, kernel_init=kernel_init)
        count = doublings(x.shape[1])
        x = leaky_relu(conv(self.width)(x))
        for number in range(1, count):
            x = leaky_relu(self.norm()(conv(self.width << number)(x), condition, mode))
        x = x.reshape(x.shape[0], -1)
        return with_heads(x, nn.Dense(1, kernel_init=kernel_init)(x)[:, 0], self.heads)
