"""The peer in PyTorch: one update of 3D-GAN on 32x32x32 voxels, as its users write it."""

from collections.abc import Callable

import torch
from game import Game
from torch import Tensor, nn
from torch.nn.functional import softplus


def make_generator(width: int) -> nn.Module:
    def normed(channels: int) -> list[nn.Module]:
        return [nn.BatchNorm3d(channels, eps=1e-3, momentum=0.01), nn.ReLU()]  # Keras' momentum of .99

    return nn.Sequential(
        *(nn.Linear(200, 64 * 4 * width, bias=False), nn.Unflatten(1, (4 * width, 4, 4, 4)), *normed(4 * width)),
        *(nn.ConvTranspose3d(4 * width, 2 * width, 4, 2, 1, bias=False), *normed(2 * width)),
        *(nn.ConvTranspose3d(2 * width, width, 4, 2, 1, bias=False), *normed(width)),
        *(nn.ConvTranspose3d(width, 1, 4, 2, 1), nn.Tanh()),
    )


def make_critic(width: int) -> nn.Module:
    return nn.Sequential(
        *(nn.Conv3d(1, width, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(nn.Conv3d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(nn.Conv3d(2 * width, 4 * width, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(nn.Flatten(), nn.Linear(64 * 4 * width, 1)),
    )


def iteration(game: Game, *, objective: str = "wgan_gp") -> Callable[[], None]:
    """objective: "wgan_gp", or "relativistic" with R1 and R2."""
    torch.manual_seed(0)
    generator, critic = make_generator(game.width), make_critic(game.width)
    adams = [torch.optim.Adam(net.parameters(), 1e-3, (0.0, 0.9), fused=True) for net in (generator, critic)]
    generator_adam, critic_adam = adams
    reals = (torch.rand(game.critic_steps + 1, game.batch_size, 1, 32, 32, 32) < 0.15) * 2.0 - 1

    def slopes(x: Tensor) -> Tensor:
        """The squared norm of the critic's gradient at each example."""
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        return gradient.flatten(1).square().sum(1)

    def gradient_penalty(real: Tensor, fake: Tensor) -> Tensor:
        weight = torch.rand(game.batch_size, 1, 1, 1, 1)
        return ((slopes(weight * real + (1 - weight) * fake).sqrt() - 1) ** 2).mean()

    def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
        if objective == "wgan_gp":
            return critic(fake).mean() - critic(real).mean() + 10 * gradient_penalty(real, fake)
        return softplus(critic(fake) - critic(real)).mean() + (slopes(real) + slopes(fake)).mean() / 2

    def generator_loss(real: Tensor, fake: Tensor) -> Tensor:
        return -critic(fake).mean() if objective == "wgan_gp" else softplus(critic(real) - critic(fake)).mean()

    def critic_turn(real: Tensor) -> None:
        with torch.no_grad():
            fake = generator(torch.randn(game.batch_size, 200))
        critic_adam.zero_grad()
        critic_loss(real, fake).backward()
        critic_adam.step()

    def generator_turn(real: Tensor) -> None:
        critic.requires_grad_(False)
        generator_adam.zero_grad()
        generator_loss(real, generator(torch.randn(game.batch_size, 200))).backward()
        generator_adam.step()
        critic.requires_grad_(True)

    def step() -> None:
        for real in reals[:-1]:
            critic_turn(real)
        generator_turn(reals[-1])

    return step
