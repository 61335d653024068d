"""The peer in PyTorch: one R3GAN update of 64x64 images without augmentation, as its users write it."""

import itertools
from collections.abc import Callable

import numpy as np
import torch
from game import Game
from torch import Tensor, nn
from torch.nn import functional as F

SLOPE, GROUP, LATENTS = 0.2, 16, 64


def conv(
    inputs: int, outputs: int, size: int = 1, *, gain: float = 1.0, groups: int = 1, bias: bool = False
) -> nn.Module:
    layer = nn.Conv2d(inputs, outputs, size, padding=size // 2, groups=groups, bias=bias)
    nn.init.normal_(layer.weight, std=gain / (inputs // groups * size**2) ** 0.5)
    if bias:
        nn.init.zeros_(layer.bias)
    return layer


class Block(nn.Module):
    def __init__(self, width: int, gain: float):
        super().__init__()
        inside = 2 * width
        self.layers = nn.Sequential(
            *(conv(width, inside, gain=gain, bias=True), nn.LeakyReLU(SLOPE)),
            *(conv(inside, inside, 3, gain=gain, groups=inside // GROUP, bias=True), nn.LeakyReLU(SLOPE)),
            conv(inside, width, gain=0.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


class Resample(nn.Module):
    """[1,2,1] convolved with [1,1]: by 2 up, or down."""

    def __init__(self, *, up: bool):
        super().__init__()
        line = np.convolve([1, 2, 1], [1, 1]) / 8
        self.up = up
        self.register_buffer(
            "kernel", torch.tensor(np.outer(line, line) * (4 if up else 1), dtype=torch.float32)[None, None]
        )

    def forward(self, x: Tensor) -> Tensor:
        groups = x.shape[1]  # channels as further examples would take PyTorch 40 times as long on a CPU
        resample = F.conv_transpose2d if self.up else F.conv2d
        return resample(x, self.kernel.repeat(groups, 1, 1, 1), stride=2, padding=1, groups=groups)


class Basis(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.basis = nn.Parameter(torch.randn(width, 4, 4))
        self.linear = nn.Linear(LATENTS, width, bias=False)

    def forward(self, z: Tensor) -> Tensor:
        return self.basis * self.linear(z)[:, :, None, None]


def make_nets(width: int) -> tuple[nn.Module, nn.Module]:
    """The critic and the generator, with one block in each stage."""
    widths = [width] * 4 + [width // 2]
    gain = (2 / (1 + SLOPE**2)) ** 0.5 * len(widths) ** -0.25
    generator: list[nn.Module] = [Basis(width), Block(width, gain)]
    critic: list[nn.Module] = [Block(width, gain)]
    for before, after in itertools.pairwise(widths):
        resized = [conv(before, after)] if before != after else []
        generator += [*resized, Resample(up=True), Block(after, gain)]
        resized = [conv(after, before)] if before != after else []
        critic = [Block(after, gain), Resample(up=False), *resized, *critic]
    head = [nn.Conv2d(width, width, 4, groups=width, bias=False), nn.Flatten(), nn.Linear(width, 1, bias=False)]
    return nn.Sequential(conv(3, widths[-1]), *critic, *head), nn.Sequential(*generator, conv(widths[-1], 3))


def iteration(game: Game) -> Callable[[], None]:
    torch.manual_seed(0)
    critic, generator = make_nets(game.width)
    adams = [torch.optim.Adam(net.parameters(), 2e-4, (0.0, 0.9), fused=True) for net in (critic, generator)]
    critic_adam, generator_adam = adams
    real = torch.rand(game.batch_size, 3, 64, 64) * 2 - 1

    def logits_and_slopes(x: Tensor) -> tuple[Tensor, Tensor]:
        """The critic's logits, and the squared norm of its gradient at each example."""
        x = x.detach().requires_grad_()
        logits = critic(x)
        (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
        return logits, gradient.square().sum((1, 2, 3))

    def critic_turn() -> None:
        with torch.no_grad():
            fake = generator(torch.randn(game.batch_size, LATENTS))
        critic_adam.zero_grad()
        (of_real, r1), (of_fake, r2) = logits_and_slopes(real), logits_and_slopes(fake)
        (F.softplus(of_fake - of_real).squeeze(1) + (r1 + r2) / 2).mean().backward()
        critic_adam.step()

    def generator_turn() -> None:
        critic.requires_grad_(False)
        generator_adam.zero_grad()
        with torch.no_grad():
            of_real = critic(real)
        F.softplus(of_real - critic(generator(torch.randn(game.batch_size, LATENTS)))).mean().backward()
        generator_adam.step()
        critic.requires_grad_(True)

    def step() -> None:
        for _ in range(game.critic_steps):
            critic_turn()
        generator_turn()

    return step
