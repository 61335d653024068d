"""SNGAN's ResNet with Linen's own layers. `game.width` is the critic's; the generator has twice as many channels."""

import functools

import flax.linen as nn
import jax.numpy as jnp
from game import Game, Nets
from linen_resnet import Critic, Generator, Map


def normalised(layer: nn.Module) -> Map:
    return functools.partial(nn.SpectralNorm(layer), update_stats=True)


def nets(game: Game) -> Nets:
    dtype = jnp.bfloat16 if game.bfloat16 else None
    critic = Critic(game.width, dtype, pool=jnp.sum, use_bias=False, wrap=normalised)
    return Nets(critic, Generator(2 * game.width, dtype), 128, (32, 32, 3))
