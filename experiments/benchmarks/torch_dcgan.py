"""The peer in PyTorch: one WGAN-GP iteration of the article's DCGAN, as its users write it."""

from collections.abc import Callable

import torch
from game import Game
from torch import Tensor, nn


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
        *(nn.Flatten(), nn.Linear(49 * 2 * width, 1)),
    )


def iteration(game: Game, *, compiled: bool = False) -> Callable[[], None]:
    """compiled: what allows it; torch.compile has no second derivative, so the critic's penalty stays eager."""
    torch.manual_seed(0)
    generator, critic = make_generator(game.width, game.norm), make_critic(game.width, game.dropout)
    adams = [torch.optim.Adam(net.parameters(), 1e-4, (0.0, 0.9), fused=True) for net in (generator, critic)]
    generator_adam, critic_adam = adams
    make, judge = (torch.compile(generator), torch.compile(critic)) if compiled else (generator, critic)
    reals = torch.rand(game.critic_steps, game.batch_size, 1, 28, 28) * 2 - 1

    def penalty(real: Tensor, fake: Tensor) -> Tensor:
        weight = torch.rand(game.batch_size, 1, 1, 1)
        points = (weight * real + (1 - weight) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
        return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()

    def critic_turn(real: Tensor) -> None:
        with torch.no_grad():
            fake = make(torch.randn(game.batch_size, 100))
        critic_adam.zero_grad()
        loss = judge(fake).mean() - judge(real).mean() + 10 * penalty(real, fake)
        loss.backward()
        critic_adam.step()

    def generator_turn() -> None:
        critic.requires_grad_(False)
        generator_adam.zero_grad()
        loss = -judge(make(torch.randn(game.batch_size, 100))).mean()
        loss.backward()
        generator_adam.step()
        critic.requires_grad_(True)

    def step() -> None:
        for real in reals:
            critic_turn(real)
        generator_turn()

    return step
