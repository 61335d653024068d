"""The peer in PyTorch: 16 StyleGAN2 updates of 64x64 images, one with R1, as its users write it."""

import itertools
from collections.abc import Callable

import torch
from game import Game
from torch import Tensor, nn
from torch.nn import functional as F

LATENTS, STAGES, GROUP, MIXING = 512, 5, 4, 0.9
LINE = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
TAPS = torch.outer(LINE, LINE)[None, None]


def activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2) * 2**0.5


def filtered(x: Tensor, gain: float, padding: int, stride: int = 1) -> Tensor:
    """Channels are groups: as further examples they would take PyTorch 40 times as long on a CPU."""
    groups = x.shape[1]
    return F.conv2d(x, (gain * TAPS).repeat(groups, 1, 1, 1), padding=padding, stride=stride, groups=groups)


def doubled(x: Tensor) -> Tensor:
    groups = x.shape[1]
    return F.conv_transpose2d(x, (4 * TAPS).repeat(groups, 1, 1, 1), stride=2, padding=1, groups=groups)


class Linear(nn.Module):
    def __init__(self, inputs: int, outputs: int, multiplier: float = 1.0, bias: float = 0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.gain, self.multiplier = multiplier / inputs**0.5, multiplier

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight * self.gain, self.bias * self.multiplier)


class Conv(nn.Module):
    def __init__(self, inputs: int, outputs: int, size: int = 3, *, down: bool = False, bias: bool = True):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.gain, self.around, self.down = (inputs * size**2) ** -0.5, size // 2, down

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * self.gain
        if not self.down:
            return F.conv2d(x, weight, self.bias, padding=self.around)
        if not self.around:
            return F.conv2d(filtered(x, 1, 1, 2), weight, self.bias)
        return F.conv2d(filtered(x, 1, self.around + 1), weight, self.bias, stride=2)


class Modulated(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, up: bool = False):
        super().__init__()
        self.style = Linear(LATENTS, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.strength, self.bias = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(outputs, 1, 1))
        self.up = up

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        styles = self.style(style)
        x = x * styles[:, :, None, None]
        if self.up:
            x = filtered(F.conv_transpose2d(x, self.weight.transpose(0, 1), stride=2), 4, 1)
        else:
            x = F.conv2d(x, self.weight, padding=1)
        norms = (styles.square() @ self.weight.square().sum((2, 3)).T + 1e-8).rsqrt()
        x = x * norms[:, :, None, None]
        return activate(x + self.strength * torch.randn(len(x), 1, *x.shape[2:]) + self.bias)


class ToRGB(nn.Module):
    def __init__(self, inputs: int):
        super().__init__()
        self.style = Linear(LATENTS, inputs, bias=1.0)
        self.weight, self.bias = nn.Parameter(torch.randn(3, inputs, 1, 1)), nn.Parameter(torch.zeros(3))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        return F.conv2d(x * (self.style(style) / x.shape[1] ** 0.5)[:, :, None, None], self.weight, self.bias)


class Generator(nn.Module):
    def __init__(self, widths: list[int]):
        super().__init__()
        self.mapping = nn.ModuleList([Linear(LATENTS, LATENTS, 0.01) for _ in range(2)])
        self.constant = nn.Parameter(torch.randn(widths[0], 4, 4))
        layers = [Modulated(widths[0], widths[0])]
        for before, after in itertools.pairwise(widths):
            layers += [Modulated(before, after, up=True), Modulated(after, after)]
        self.layers, self.images = nn.ModuleList(layers), nn.ModuleList(map(ToRGB, widths))

    def styles(self, z: Tensor) -> Tensor:
        x = z * (z.square().mean(1, keepdim=True) + 1e-8).rsqrt()
        for layer in self.mapping:
            x = activate(layer(x))
        return x

    def forward(self, z: Tensor) -> Tensor:
        one, other, count = self.styles(z), self.styles(torch.randn_like(z)), 2 * STAGES
        cut = torch.where(torch.rand(len(z)) < MIXING, torch.randint(1, count, (len(z),)), count)
        kept = torch.arange(count) < cut[:, None]
        styles = torch.where(kept[..., None], one[:, None], other[:, None]).unbind(1)
        x = self.layers[0](self.constant.expand(len(z), -1, -1, -1), styles[0])
        image = self.images[0](x, styles[1])
        for place in range(1, STAGES):
            x = self.layers[2 * place - 1](x, styles[2 * place - 1])
            x = self.layers[2 * place](x, styles[2 * place])
            image = doubled(image) + self.images[place](x, styles[2 * place + 1])
        return image


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.first, self.second = Conv(inputs, inputs), Conv(inputs, outputs, down=True)
        self.shortcut = Conv(inputs, outputs, 1, down=True, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return (activate(self.second(activate(self.first(x)))) + self.shortcut(x)) * 0.5**0.5


class Critic(nn.Module):
    def __init__(self, widths: list[int]):
        super().__init__()
        self.first = Conv(3, widths[-1], 1)
        self.blocks = nn.Sequential(*itertools.starmap(Block, itertools.pairwise(widths[::-1])))
        self.last = Conv(widths[0] + 1, widths[0])
        self.linear, self.logits = Linear(16 * widths[0], widths[0]), Linear(widths[0], 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(activate(self.first(x)))
        spread = (x.reshape(GROUP, -1, *x.shape[1:]).var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
        spread = spread.repeat(GROUP)[:, None, None, None].expand(-1, 1, *x.shape[2:])
        return self.logits(activate(self.linear(activate(self.last(torch.cat([x, spread], 1))).flatten(1))))[:, 0]


def make_nets(width: int) -> tuple[Critic, Generator]:
    widths = [width] * (STAGES - 1) + [width // 2]
    return Critic(widths), Generator(widths)


def iteration(game: Game) -> Callable[[], None]:
    torch.manual_seed(0)
    critic, generator = make_nets(game.width)
    adams = [torch.optim.Adam(net.parameters(), 2.5e-3, (0.0, 0.99), fused=True) for net in (critic, generator)]
    critic_adam, generator_adam = adams
    real = torch.rand(game.batch_size, 3, 64, 64) * 2 - 1

    def r1() -> Tensor:
        x = real.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        return 80 * gradient.square().sum((1, 2, 3)).mean()

    def critic_turn(*, penalised: bool) -> None:
        with torch.no_grad():
            fake = generator(torch.randn(game.batch_size, LATENTS))
        critic_adam.zero_grad()
        loss = (F.softplus(-critic(real)) + F.softplus(critic(fake))).mean()
        (loss + r1() if penalised else loss).backward()
        critic_adam.step()

    def generator_turn() -> None:
        critic.requires_grad_(False)
        generator_adam.zero_grad()
        F.softplus(-critic(generator(torch.randn(game.batch_size, LATENTS)))).mean().backward()
        generator_adam.step()
        critic.requires_grad_(True)

    def sixteen() -> None:
        for number in range(16):
            critic_turn(penalised=number == 0)
            generator_turn()

    return sixteen
