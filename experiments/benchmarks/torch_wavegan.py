"""The peer in PyTorch: one WGAN-GP update of WaveGAN, as its users write it."""

from collections.abc import Callable

import torch
from game import Game
from torch import Tensor, nn

LENGTH = 16_384


class PhaseShuffle(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        padded = nn.functional.pad(x, (2, 2), "reflect")
        steps = torch.randint(0, 5, (len(x),)).tolist()
        return torch.stack([one[:, step : step + x.shape[2]] for one, step in zip(padded, steps)])


def make_generator(width: int) -> nn.Module:
    def up(channels: int, out: int) -> nn.Module:
        return nn.ConvTranspose1d(channels, out, 25, 4, 11, 1)

    hidden = [layer for n in (8, 4, 2, 1) for layer in (up(2 * n * width, n * width), nn.ReLU())]
    return nn.Sequential(
        nn.Linear(100, 256 * width), nn.Unflatten(1, (16 * width, 16)), nn.ReLU(), *hidden, up(width, 1), nn.Tanh()
    )


def make_critic(width: int) -> nn.Module:
    layers: list[nn.Module] = []
    for number, (channels, out) in enumerate([(1, width)] + [(n * width, 2 * n * width) for n in (1, 2, 4, 8)]):
        layers += [nn.Conv1d(channels, out, 25, 4, 11), nn.LeakyReLU(0.2)]
        if number < 4:
            layers.append(PhaseShuffle())
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(256 * width, 1))


def iteration(game: Game) -> Callable[[], None]:
    torch.manual_seed(0)
    generator, critic = make_generator(game.width), make_critic(game.width)
    adams = [torch.optim.Adam(net.parameters(), 1e-4, (0.5, 0.9), fused=True) for net in (generator, critic)]
    generator_adam, critic_adam = adams
    reals = torch.rand(game.critic_steps, game.batch_size, 1, LENGTH) * 2 - 1

    def latent() -> Tensor:
        return torch.rand(game.batch_size, 100) * 2 - 1

    def penalty(real: Tensor, fake: Tensor) -> Tensor:
        weight = torch.rand(game.batch_size, 1, 1)
        points = (weight * real + (1 - weight) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
        return ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()

    def critic_turn(real: Tensor) -> None:
        with torch.no_grad():
            fake = generator(latent())
        critic_adam.zero_grad()
        loss = critic(fake).mean() - critic(real).mean() + 10 * penalty(real, fake)
        loss.backward()
        critic_adam.step()

    def step() -> None:
        for real in reals:
            critic_turn(real)
        critic.requires_grad_(False)
        generator_adam.zero_grad()
        loss = -critic(generator(latent())).mean()
        loss.backward()
        generator_adam.step()
        critic.requires_grad_(True)

    return step
