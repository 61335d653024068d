"""WaveGAN (Donahue et al. 2019, tables 3 and 4): a DCGAN in one dimension, with long kernels and phase shuffle."""

import functools
import zlib
from collections.abc import Mapping

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.nets.conv.convolution import Conv, ConvTranspose
from gan_jax.nets.layers import with_heads
from gan_jax.nets.linen import from_linen
from gan_jax.types import Array, Condition, Mode, Network, Output

LAYERS = 5
KERNEL, STRIDE = (25,), 4


def generator(*, width: int = 64, length: int = 16_384) -> Network:
    """Latents [B, Z] -> sounds [B, length, 1] in (-1, 1).

    Args:
      width: Channels of the last hidden layer; those before it have 2, 4, 8 and 16 times as many.
      length: The number of samples of a sound.

    Raises:
      ValueError: The length isn't a multiple of 1,024.
    """
    if length < 1 or length % STRIDE**LAYERS:
        raise UserError(f"length {length}: five layers of stride 4 make multiples of 1024, such as 16384")
    return from_linen(Generator(width, length))


def critic(*, width: int = 64, shuffle: int = 2, heads: Mapping[str, int] | None = None) -> Network:
    """Sounds [B, length, 1] -> logits [B].

    Args:
      width: Channels of the first layer; those after it have 2, 4, 8 and 16 times as many.
      shuffle: The largest shift of a hidden layer, in steps of time (`PhaseShuffle`); 0 for none.
      heads: Further linear outputs of the last features, {name: size}. They and the features are in `Output.extra`.
    """
    return from_linen(Critic(width, shuffle, heads))


kernel_init = nn.initializers.glorot_uniform()
leaky_relu = functools.partial(nn.leaky_relu, negative_slope=0.2)


class Generator(nn.Module):
    width: int
    length: int

    @nn.compact
    def __call__(self, z: Array, condition: Condition, mode: Mode) -> Array:
        positions, channels = self.length // STRIDE**LAYERS, self.width * 2 ** (LAYERS - 1)
        x = nn.relu(nn.Dense(positions * channels, kernel_init=kernel_init)(z).reshape(-1, positions, channels))
        for layer in reversed(range(LAYERS - 1)):
            x = nn.relu(ConvTranspose(self.width * 2**layer, KERNEL, STRIDE, kernel_init=kernel_init)(x))
        return jnp.tanh(ConvTranspose(1, KERNEL, STRIDE, kernel_init=kernel_init)(x))


class Critic(nn.Module):
    width: int
    shuffle: int
    heads: Mapping[str, int] | None

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array | Output:
        for layer in range(LAYERS):
            x = leaky_relu(Conv(self.width * 2**layer, KERNEL, STRIDE, kernel_init=kernel_init)(x))
            if layer < LAYERS - 1:
                x = PhaseShuffle(self.shuffle)(x, mode)
        x = x.reshape(x.shape[0], -1)
        return with_heads(x, nn.Dense(1, kernel_init=kernel_init)(x)[:, 0], self.heads)


class PhaseShuffle(nn.Module):
    """In training, shifts each example [T, C] by -radius to radius steps of time, reflected at its ends (section 3.3).

    This keeps the critic from telling sounds apart by the phase that transposed convolutions leave in them. The shift
    depends on the example's own key and the module's place in the network, so it is the same however the batch is split
    over devices.

    Attributes:
      radius: The largest shift.
    """

    radius: int

    @nn.compact
    def __call__(self, x: Array, mode: Mode) -> Array:
        if not mode.train or self.radius == 0:
            return x
        if mode.keys is None:
            raise UserError("phase shuffle in training needs mode.keys, which is None: pass one key an example, [B]")
        place, count = zlib.crc32("/".join(self.path).encode()), 2 * self.radius + 1
        steps = jax.vmap(lambda key: jax.random.randint(jax.random.fold_in(key, place), (), 0, count))(mode.keys)
        padded = jnp.pad(x, ((0, 0), (self.radius, self.radius), (0, 0)), "reflect")
        moved = [padded[:, step : step + x.shape[1]] for step in range(count)]
        return jnp.select([(steps == step)[:, None, None] for step in range(count)], moved)  # quicker than to gather
