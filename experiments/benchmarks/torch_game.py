"""The peer in PyTorch: one iteration of a game as its users write it, on a GPU if there is one."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import torch
from game import Game, Nets
from torch import Tensor
from torch.nn.functional import relu, softplus

Critic = Callable[[Tensor], Tensor]


class Objective(NamedTuple):
    critic: Callable[[Tensor, Tensor], Tensor]  # of the logits of real and of fake images
    generator: Callable[[Tensor], Tensor]  # of the logits of fake images
    penalty: Callable[[Critic, Tensor, Tensor], Tensor | float]  # of the critic, real and fake images


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    weight = torch.rand(len(real), 1, 1, 1, device=real.device)
    return 10 * ((squared_slope(critic, weight * real + (1 - weight) * fake).sqrt() - 1) ** 2).mean()


def r1(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    return 5 * squared_slope(critic, real).mean()


def squared_slope(critic: Critic, points: Tensor) -> Tensor:
    points = points.detach().requires_grad_()
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return gradient.flatten(1).square().sum(1)


OBJECTIVES = {
    "wgan_gp": Objective(lambda real, fake: (fake - real).mean(), lambda fake: -fake.mean(), gradient_penalty),
    "r1": Objective(
        lambda real, fake: (softplus(-real) + softplus(fake)).mean(), lambda fake: softplus(-fake).mean(), r1
    ),
    "hinge": Objective(
        lambda real, fake: (relu(1 - real) + relu(1 + fake)).mean(), lambda fake: -fake.mean(), lambda *_: 0.0
    ),
}


def iteration(game: Game, nets: Nets, *, compiler: str | None = None) -> Callable[[], None]:
    """compiler: torch.compile's backend. It has no second derivative, so the critic's penalty stays eager."""
    torch.manual_seed(0)
    objective = OBJECTIVES[game.objective]
    device, layout = torch.device("cpu"), torch.contiguous_format
    if torch.cuda.is_available():
        device, layout = torch.device("cuda"), torch.channels_last
        torch.set_float32_matmul_precision("high")  # TF32, which convolutions have without asking
        torch.backends.cudnn.benchmark = True
    critic, generator = (net.to(device=device, memory_format=layout) for net in (nets.critic, nets.generator))
    adams = [torch.optim.Adam(net.parameters(), 1e-4, (0.0, 0.9), fused=True) for net in (critic, generator)]
    critic_adam, generator_adam = adams
    height, width, channels = nets.shape
    reals = torch.rand(game.critic_steps, game.batch_size, channels, height, width, device=device) * 2 - 1
    batches = [real.contiguous(memory_format=layout) for real in reals]

    def cast() -> torch.autocast:
        return torch.autocast(device.type, torch.bfloat16, enabled=game.bfloat16)

    def latents() -> Tensor:
        return torch.randn(game.batch_size, nets.latents, device=device)

    def make(z: Tensor) -> Tensor:
        return generator(z).float()

    def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
        return objective.critic(critic(real).float(), critic(fake).float())

    def generator_loss(z: Tensor) -> Tensor:
        return objective.generator(critic(generator(z)).float())

    if compiler:  # static shapes, or a change of strides would make them dynamic
        compiled = functools.partial(torch.compile, backend=compiler, dynamic=False)
        make, critic_loss, generator_loss = map(compiled, (make, critic_loss, generator_loss))

    def critic_turn(real: Tensor) -> None:
        with torch.no_grad(), cast():
            fake = make(latents())
        critic_adam.zero_grad()
        with cast():
            penalty = objective.penalty(critic, real, fake)  # first: it changes what spectral norm keeps for backward()
            loss = penalty + critic_loss(real, fake)
        loss.backward()
        critic_adam.step()

    def generator_turn() -> None:
        critic.requires_grad_(False)
        generator_adam.zero_grad()
        with cast():
            loss = generator_loss(latents())
        loss.backward()
        generator_adam.step()
        critic.requires_grad_(True)

    def step() -> None:
        for real in batches:
            critic_turn(real)
        generator_turn()
        if device.type == "cuda":
            torch.cuda.synchronize()

    return step
