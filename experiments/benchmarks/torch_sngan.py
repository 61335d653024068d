"""SNGAN's ResNet in PyTorch. `game.width` is the critic's; the generator has twice as many channels."""

import torch
from game import Game, Nets
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch_resnet import make_critic, make_generator


def nets(game: Game) -> Nets:
    critic = make_critic(game.width, reduce=torch.sum, bias=False)
    for layer in list(critic.modules()):
        if isinstance(layer, nn.Conv2d | nn.Linear):
            spectral_norm(layer)
    return Nets(critic, make_generator(2 * game.width), 128, (32, 32, 3))
