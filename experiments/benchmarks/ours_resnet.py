"""Ours: WGAN-GP's ResNet."""

from game import Game, Nets

from gan_jax.nets import resnet


def nets(game: Game) -> Nets:
    return Nets(resnet.critic(width=game.width), resnet.generator(width=game.width), 128, (32, 32, 3))
