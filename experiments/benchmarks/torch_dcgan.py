"""The article's DCGAN in PyTorch."""

from collections.abc import Callable

import torch_game
from game import Game, Nets
from torch import nn


def make_generator(width: int, norm: bool) -> nn.Module:
    def normed(layer: nn.Module, channels: int, flat: bool = False) -> list[nn.Module]:
        # Keras' momentum of .99 is PyTorch's .01
        norms = nn.BatchNorm1d if flat else nn.BatchNorm2d
        return [layer, norms(channels, eps=1e-3, momentum=0.01) if norm else nn.Identity(), nn.LeakyReLU(0.3)]

    return nn.Sequential(
        *normed(nn.Linear(100, 49 * 4 * width, bias=False), 49 * 4 * width, flat=True),
        nn.Unflatten(1, (4 * width, 7, 7)),
        *normed(nn.ConvTranspose2d(4 * width, 2 * width, 5, 1, 2, bias=False), 2 * width),
        *normed(nn.ConvTranspose2d(2 * width, width, 5, 2, 2, 1, bias=False), width),
        nn.ConvTranspose2d(width, 1, 5, 2, 2, 1, bias=False),
        nn.Tanh(),
    )


def make_critic(width: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, width, 5, 2, 2), nn.LeakyReLU(0.3), nn.Dropout(dropout)),
        *(nn.Conv2d(width, 2 * width, 5, 2, 2), nn.LeakyReLU(0.3), nn.Dropout(dropout)),
        *(nn.Flatten(), nn.Linear(49 * 2 * width, 1), nn.Flatten(0)),
    )


def nets(game: Game) -> Nets:
    return Nets(make_critic(game.width, game.dropout), make_generator(game.width, game.norm), 100, (28, 28, 1))


def iteration(game: Game, *, compiler: str | None = None) -> Callable[[], None]:
    return torch_game.iteration(game, nets(game), compiler=compiler)
