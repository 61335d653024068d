"""A recurrent generator of video: a convolutional LSTM draws frame after frame. Shi et al. 2015, eq. 3.

z determines the first state and an input that is the same for all frames; the output of each step is enlarged to a
frame. The cell is Linen's, without peepholes, with our convolutions. The critic is `vgan.critic`.
"""

import functools
from collections.abc import Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.nets.conv.convolution import Conv, ConvTranspose
from gan_jax.nets.layers import BatchNorm, Norm, conditional
from gan_jax.nets.linen import from_linen
from gan_jax.types import Array, Condition, Mode, Network

STATE = 8  # entries of the state along the shorter side
State = tuple[Array, Array]  # memory and output, both [B, H, W, C]


def generator(
    *, width: int = 32, norm: Norm = BatchNorm, classes: int = 0, shape: Sequence[int] = (16, 32, 32, 1)
) -> Network:
    """Latents [B, Z] -> clips `[B, *shape]` in (-1, 1).

    Args:
      width: Channels of the layer nearest the frame; the state has twice as many.
      norm: After each layer outside the recurrence but the last.
      classes: The number of classes; 0 for none. With classes, BatchNorm becomes ConditionalBatchNorm.
      shape: (frames, height, width, channels).

    Raises:
      ValueError: The shorter side isn't 16, 32, 64, ..., or the other isn't a multiple of an eighth of it.
    """
    shorter = min(shape[1:3], default=0)
    if len(shape) != 4 or shorter < 2 * STATE or shorter & (shorter - 1) or any(n % (shorter // 8) for n in shape[1:3]):
        raise UserError(f"shape {tuple(shape)}: want (frames, height, width, channels), sides as 16, 32 or 64")
    return from_linen(Generator(width, conditional(norm, classes), tuple(shape)))


class Generator(nn.Module):
    width: int
    norm: Norm
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z: Array, condition: Condition, mode: Mode) -> Array:
        frames, *sides, channels = self.shape
        scale = min(sides) // STATE
        base = (sides[0] // scale, sides[1] // scale, 2 * self.width)

        def spread(norm: nn.Module) -> Array:
            x = nn.Dense(base[0] * base[1] * base[2], use_bias=False)(z).reshape(-1, *base)
            return norm(x, condition, mode)

        still = nn.relu(spread(self.norm()))
        state = spread(self.norm()), jnp.tanh(spread(self.norm()))
        scan = functools.partial(nn.scan, variable_broadcast="params", split_rngs={"params": False})
        cells = scan(Cell, in_axes=nn.broadcast, out_axes=1, length=frames)
        x = cells(base[2])(state, still)[1].reshape(-1, *base)
        conv = functools.partial(ConvTranspose, kernel_size=(4, 4), strides=2)
        every = jax.tree.map(lambda part: jnp.repeat(part, frames, 0), condition)
        for _ in range(scale.bit_length() - 2):
            x = nn.relu(self.norm()(conv(self.width, use_bias=False)(x), every, mode))
        return jnp.tanh(conv(channels)(x)).reshape(-1, *self.shape)


class Cell(nn.Module):
    """i, g, f, o = W_x * x + W_h * h + b;  c' = σ(f + 1) c + σ(i) tanh g;  h' = σ(o) tanh c'.

    Linen's ConvLSTMCell, parameter by parameter, with our convolutions, which stay fast in a scan: the gradients of
    four steps (batch 4, 32 channels of 8x8) take 7 ms of a core, by Linen's cell 265 ms, or 18 ms unrolled. The 1 makes
    the cell remember at first (Jozefowicz 2015).
    """

    features: int

    @nn.compact
    def __call__(self, state: State, x: Array) -> tuple[State, Array]:
        memory, output = state
        conv = functools.partial(Conv, 4 * self.features, (3, 3))
        gates = conv(name="ih")(x) + conv(name="hh")(output)
        admitted, new, kept, output_gate = jnp.split(gates, 4, -1)
        memory = nn.sigmoid(kept + 1) * memory + nn.sigmoid(admitted) * jnp.tanh(new)
        output = nn.sigmoid(output_gate) * jnp.tanh(memory)
        return (memory, output), output
