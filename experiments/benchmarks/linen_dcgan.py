"""The article's DCGAN with Linen's own layers."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import linen_game
from game import Game, Nets

Array = jax.Array


class Generator(nn.Module):
    width: int
    norm: bool
    dtype: Any

    @nn.compact
    def __call__(self, z: Array) -> Array:
        batch_norm = functools.partial(nn.BatchNorm, use_running_average=False, epsilon=1e-3, dtype=self.dtype)

        def normed(x: Array) -> Array:
            return nn.leaky_relu(batch_norm()(x) if self.norm else x, 0.3)

        conv = functools.partial(nn.ConvTranspose, kernel_size=(5, 5), use_bias=False, dtype=self.dtype)
        x = normed(nn.Dense(49 * 4 * self.width, use_bias=False, dtype=self.dtype)(z))
        x = normed(conv(2 * self.width)(x.reshape(-1, 7, 7, 4 * self.width)))
        x = normed(conv(self.width, strides=(2, 2))(x))
        return jnp.tanh(conv(1, strides=(2, 2))(x))


class Critic(nn.Module):
    width: int
    dropout: float
    dtype: Any

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for features in (self.width, 2 * self.width):
            x = nn.leaky_relu(nn.Conv(features, (5, 5), strides=2, dtype=self.dtype)(x), 0.3)
            x = nn.Dropout(self.dropout, deterministic=self.dropout == 0)(x)
        return nn.Dense(1, dtype=self.dtype)(x.reshape(x.shape[0], -1))[:, 0]


def nets(game: Game) -> Nets:
    dtype = jnp.bfloat16 if game.bfloat16 else None
    critic = Critic(game.width, game.dropout, dtype)
    return Nets(critic, Generator(game.width, game.norm, dtype), 100, (28, 28, 1))


def iteration(game: Game) -> Callable[[], None]:
    return linen_game.contender(game, nets(game)).start()
