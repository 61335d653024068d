"""The one-dimensional residual networks of WGAN-GP for lines of characters (Gulrajani 2017, and its gan_language.py).

The paper's are `generator(width=512, shape=(32, V))` and `critic(width=512)`, with V the characters of the alphabet. No
layer changes the length; the generator ends in a softmax over the alphabet, whose probabilities the critic reads as
they are. Kernels begin by Glorot's uniform law, of convolutions with gain √2, of linear layers with gain 1.
"""

from collections.abc import Sequence

import flax.linen as nn

from gan_jax.errors import UserError
from gan_jax.nets.conv.convolution import Conv
from gan_jax.nets.linen import from_linen
from gan_jax.nets.resnet import glorot
from gan_jax.types import Array, Mode, Network

BLOCKS = 5


def generator(*, width: int = 512, shape: Sequence[int] = (32, 64)) -> Network:
    """Latents [B, Z] -> probabilities of characters [B, *shape], each row summing to 1.

    shape: the line's length, and the characters of the alphabet.
    """
    if len(shape) != 2:
        raise UserError(f"shape {tuple(shape)}: want (length, characters)")
    return from_linen(Generator(width, tuple(shape)))


def critic(*, width: int = 512) -> Network:
    """Probabilities of characters [B, length, V] -> logits [B]."""
    return from_linen(Critic(width))


class Generator(nn.Module):
    width: int
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z: Array, label: Array | None, mode: Mode) -> Array:
        length, characters = self.shape
        x = nn.Dense(length * self.width, kernel_init=glorot(1.0))(z).reshape(-1, length, self.width)
        for _ in range(BLOCKS):
            x = Block(self.width)(x)
        return nn.softmax(Conv(characters, (1,), kernel_init=glorot(2.0))(x))


class Critic(nn.Module):
    width: int

    @nn.compact
    def __call__(self, x: Array, label: Array | None, mode: Mode) -> Array:
        x = Conv(self.width, (1,), kernel_init=glorot(2.0))(x)
        for _ in range(BLOCKS):
            x = Block(self.width)(x)
        return nn.Dense(1, kernel_init=glorot(1.0))(x.reshape(x.shape[0], -1))[:, 0]


class Block(nn.Module):
    """Two convolutions, each after a ReLU, whose result weighs 0.3."""

    width: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = x
        for _ in range(2):
            y = Conv(self.width, (5,), kernel_init=glorot(2.0))(nn.relu(y))
        return x + 0.3 * y
