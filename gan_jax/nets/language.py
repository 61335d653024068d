"""The one-dimensional residual networks of WGAN-GP for lines of characters (Gulrajani 2017, and its gan_language.py).

The paper's are `generator(width=512, shape=(32, V))` and `critic(width=512)`, where V is the size of the alphabet. No
layer changes the length. The generator ends in a softmax over the alphabet, and the critic reads its probabilities
directly. Kernels start from Glorot's uniform distribution, with gain √2 in convolutions and 1 in linear layers.
"""

from collections.abc import Mapping, Sequence

import flax.linen as nn

from gan_jax.errors import UserError
from gan_jax.nets.conv.convolution import Conv
from gan_jax.nets.layers import with_heads
from gan_jax.nets.linen import from_linen
from gan_jax.nets.resnet import glorot
from gan_jax.types import Array, Condition, Mode, Network, Output

BLOCKS = 5


def generator(*, width: int = 512, shape: Sequence[int] = (32, 64)) -> Network:
    """Latents [B, Z] -> probabilities of characters `[B, *shape]`, where each row sums to 1.

    Args:
      width: Channels of every hidden layer.
      shape: (length of a line, size of the alphabet).

    Raises:
      ValueError: The shape isn't two numbers.
    """
    if len(shape) != 2:
        raise UserError(f"shape {tuple(shape)}: want (length, characters)")
    return from_linen(Generator(width, tuple(shape)))


def critic(*, width: int = 512, heads: Mapping[str, int] | None = None) -> Network:
    """Probabilities of characters [B, length, V] -> logits [B].

    Args:
      width: Channels of every hidden layer.
      heads: Further linear outputs of the last features, {name: size}. They and the features are in `Output.extra`.
    """
    return from_linen(Critic(width, heads))


class Generator(nn.Module):
    width: int
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z: Array, condition: Condition, mode: Mode) -> Array:
        length, characters = self.shape
        x = nn.Dense(length * self.width, kernel_init=glorot(1.0))(z).reshape(-1, length, self.width)
        for _ in range(BLOCKS):
            x = Block(self.width)(x)
        return nn.softmax(Conv(characters, (1,), kernel_init=glorot(2.0))(x))


class Critic(nn.Module):
    width: int
    heads: Mapping[str, int] | None

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array | Output:
        x = Conv(self.width, (1,), kernel_init=glorot(2.0))(x)
        for _ in range(BLOCKS):
            x = Block(self.width)(x)
        x = x.reshape(x.shape[0], -1)
        return with_heads(x, nn.Dense(1, kernel_init=glorot(1.0))(x)[:, 0], self.heads)


class Block(nn.Module):
    """Two convolutions, each after a ReLU, added with weight 0.3."""

    width: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        y = x
        for _ in range(2):
            y = Conv(self.width, (5,), kernel_init=glorot(2.0))(nn.relu(y))
        return x + 0.3 * y
