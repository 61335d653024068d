"""The peer in PyTorch: iterations of WGAN-GP on points in the plane, as its users write it.

The settings are those of experiments/wgan_gp_points.py.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn


def make_mlp(outputs: int, width: int) -> nn.Module:
    return nn.Sequential(
        *(nn.Linear(2, width), nn.ReLU()),
        *(nn.Linear(width, width), nn.ReLU()),
        *(nn.Linear(width, width), nn.ReLU()),
        nn.Linear(width, outputs),
    )


def iterations(points: np.ndarray, width: int) -> Callable[[], None]:
    """A contender: an iteration on each of the `points` [iterations, critic turns, batch, 2], one after the other."""
    torch.manual_seed(0)
    generator, critic = make_mlp(2, width), make_mlp(1, width)
    adams = [torch.optim.Adam(net.parameters(), 1e-4, (0.5, 0.9), fused=True) for net in (generator, critic)]
    generator_adam, critic_adam = adams
    reals = torch.tensor(points)
    batch_size = reals.shape[2]

    def penalty(real: Tensor, fake: Tensor) -> Tensor:
        weight = torch.rand(batch_size, 1)
        between = (weight * real + (1 - weight) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        return ((gradient.norm(dim=1) - 1) ** 2).mean()

    def critic_turn(real: Tensor) -> None:
        with torch.no_grad():
            fake = generator(torch.randn(batch_size, 2))
        critic_adam.zero_grad()
        loss = critic(fake).mean() - critic(real).mean() + 0.1 * penalty(real, fake)
        loss.backward()
        critic_adam.step()

    def generator_turn() -> None:
        critic.requires_grad_(False)
        generator_adam.zero_grad()
        loss = -critic(generator(torch.randn(batch_size, 2))).mean()
        loss.backward()
        generator_adam.step()
        critic.requires_grad_(True)

    def run() -> None:
        for turns in reals:
            for real in turns:
                critic_turn(real)
            generator_turn()

    return run
