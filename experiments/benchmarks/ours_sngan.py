"""Ours: SNGAN's ResNet. `game.width` is the critic's; the generator has twice as many channels."""

from game import Game, Nets

from gan_jax.constraints import spectral_norm
from gan_jax.nets import resnet


def nets(game: Game) -> Nets:
    critic = spectral_norm(resnet.critic(width=game.width, pool=resnet.sum_pool, use_bias=False))
    return Nets(critic, resnet.generator(width=2 * game.width), 128, (32, 32, 3))
