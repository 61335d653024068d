"""WGAN-GP's ResNet in PyTorch.

As in ours, a shortcut's 1x1 convolution runs at the smaller of its two sizes.
"""

from collections.abc import Callable

import torch
from game import Game, Nets
from torch import Tensor, nn


class Block(nn.Module):
    def __init__(
        self, width: int, *, norm: bool = False, before: nn.Module | None = None, after: nn.Module | None = None
    ):
        super().__init__()
        self.before, self.after = before or nn.Identity(), after or nn.Identity()
        self.norms = nn.ModuleList([batch_norm(width) if norm else nn.Identity() for _ in range(2)])
        self.convs = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(2)])
        self.shortcut = nn.Conv2d(width, width, 1) if before or after else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = self.convs[0](self.before(self.norms[0](x).relu()))
        y = self.after(self.convs[1](self.norms[1](y).relu()))
        return self.before(self.shortcut(self.after(x))) + y


class FirstBlock(nn.Module):
    def __init__(self, channels: int, width: int):
        super().__init__()
        pool = nn.AvgPool2d(2)
        convs = nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        self.residual = nn.Sequential(*convs, pool)
        self.shortcut = nn.Sequential(pool, nn.Conv2d(channels, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + self.shortcut(x)


class Pool(nn.Module):
    def __init__(self, reduce: Callable[..., Tensor]):
        super().__init__()
        self.reduce = reduce

    def forward(self, x: Tensor) -> Tensor:
        return self.reduce(x, dim=(2, 3))


def batch_norm(channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)  # Keras' momentum of .99


def make_generator(width: int) -> nn.Module:
    return nn.Sequential(
        *(nn.Linear(128, 16 * width), nn.Unflatten(1, (width, 4, 4))),
        *(Block(width, norm=True, before=nn.Upsample(scale_factor=2)) for _ in range(3)),
        *(batch_norm(width), nn.ReLU(), nn.Conv2d(width, 3, 3, padding=1), nn.Tanh()),
    )


def make_critic(width: int, *, reduce: Callable[..., Tensor] = torch.mean, bias: bool = True) -> nn.Module:
    """reduce: over the last features' positions; bias: of the last layer."""
    return nn.Sequential(
        *(FirstBlock(3, width), Block(width, after=nn.AvgPool2d(2)), Block(width), Block(width)),
        *(nn.ReLU(), Pool(reduce), nn.Linear(width, 1, bias=bias), nn.Flatten(0)),
    )


def nets(game: Game) -> Nets:
    return Nets(make_critic(game.width), make_generator(game.width), 128, (32, 32, 3))
