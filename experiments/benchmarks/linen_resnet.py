"""WGAN-GP's ResNet with Linen's own layers.

As in ours, a shortcut's 1x1 convolution runs at the smaller of its two sizes.
"""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from game import Game, Nets

Array = jax.Array
Map = Callable[[Array], Array]
Wrap = Callable[[nn.Module], Map]  # around each layer that has a kernel


def unchanged(x: Any) -> Any:
    return x


def upsample(x: Array) -> Array:
    return jnp.repeat(jnp.repeat(x, 2, axis=1), 2, axis=2)


def downsample(x: Array) -> Array:
    return nn.avg_pool(x, (2, 2), (2, 2))


class Block(nn.Module):
    width: int
    dtype: Any
    norm: bool = False
    before: Map = unchanged
    after: Map = unchanged
    wrap: Wrap = unchanged

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def active(x: Array) -> Array:
            norm = functools.partial(nn.BatchNorm, use_running_average=False, epsilon=1e-3, dtype=self.dtype)
            return nn.relu(norm()(x) if self.norm else x)

        def conv(x: Array, size: int) -> Array:
            return self.wrap(nn.Conv(self.width, (size, size), dtype=self.dtype))(x)

        y = conv(self.before(active(x)), 3)
        y = self.after(conv(active(y), 3))
        if self.before is self.after is unchanged:
            return x + y
        return self.before(conv(self.after(x), 1)) + y


class FirstBlock(nn.Module):
    width: int
    dtype: Any
    wrap: Wrap

    @nn.compact
    def __call__(self, x: Array) -> Array:
        def conv(x: Array, size: int) -> Array:
            return self.wrap(nn.Conv(self.width, (size, size), dtype=self.dtype))(x)

        return downsample(conv(nn.relu(conv(x, 3)), 3)) + conv(downsample(x), 1)


class Generator(nn.Module):
    width: int
    dtype: Any

    @nn.compact
    def __call__(self, z: Array) -> Array:
        x = nn.Dense(16 * self.width, dtype=self.dtype)(z).reshape(-1, 4, 4, self.width)
        for _ in range(3):
            x = Block(self.width, self.dtype, norm=True, before=upsample)(x)
        x = nn.relu(nn.BatchNorm(use_running_average=False, epsilon=1e-3, dtype=self.dtype)(x))
        return jnp.tanh(nn.Conv(3, (3, 3), dtype=self.dtype)(x))


class Critic(nn.Module):
    width: int
    dtype: Any
    pool: Callable[..., Array] = jnp.mean
    use_bias: bool = True  # of the last layer
    wrap: Wrap = unchanged

    @nn.compact
    def __call__(self, x: Array) -> Array:
        x = FirstBlock(self.width, self.dtype, self.wrap)(x)
        for after in (downsample, unchanged, unchanged):
            x = Block(self.width, self.dtype, after=after, wrap=self.wrap)(x)
        x = self.pool(nn.relu(x), axis=(1, 2))
        return self.wrap(nn.Dense(1, use_bias=self.use_bias, dtype=self.dtype))(x)[:, 0]


def nets(game: Game) -> Nets:
    dtype = jnp.bfloat16 if game.bfloat16 else None
    return Nets(Critic(game.width, dtype), Generator(game.width, dtype), 128, (32, 32, 3))
