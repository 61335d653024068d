"""The peer in PyTorch: convolutions and resampling, and the gradients that training needs, as its users write them."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

LINE = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
TAPS = torch.outer(LINE, LINE)[None, None]


def convolutions(x: np.ndarray, kernel: np.ndarray, groups: int) -> dict[str, list[Callable[[], object]]]:
    """{map: contenders, one for each layout of the arrays}."""
    w = torch.tensor(kernel).permute(3, 2, 0, 1).contiguous().requires_grad_()

    def of(x: Tensor) -> dict[str, Callable[[], object]]:
        def forward() -> Tensor:
            return F.conv2d(x, w, padding=1, groups=groups)

        def loss() -> Tensor:
            return forward().square().sum()

        def r1() -> object:
            (gradient,) = torch.autograd.grad(loss(), [x], create_graph=True)
            return torch.autograd.grad(gradient.square().sum(), [w])

        return {
            "forward": without_gradients(forward),
            "both gradients": lambda: torch.autograd.grad(loss(), [x, w]),
            "R1's kernel gradient": r1,
        }

    return joined([of(each) for each in layouts(x)])


def resampling(x: np.ndarray, what: str) -> dict[str, list[Callable[[], object]]]:
    """{map: contenders} of "upsample" or "downsample"."""
    groups = x.shape[-1]

    def of(x: Tensor) -> dict[str, Callable[[], object]]:
        def forward() -> Tensor:
            taps = TAPS.repeat(groups, 1, 1, 1)
            if what == "upsample":
                return F.conv_transpose2d(x, 4 * taps, stride=2, padding=1, groups=groups)
            return F.conv2d(x, taps, stride=2, padding=1, groups=groups)

        return {
            "forward": without_gradients(forward),
            "both gradients": lambda: torch.autograd.grad(forward().square().sum(), [x]),
        }

    return joined([of(each) for each in layouts(x)])


def layouts(x: np.ndarray) -> list[Tensor]:
    """Images [B, height, width, channels] as PyTorch's, channels last in memory and channels first."""
    first, formats = torch.tensor(x).permute(0, 3, 1, 2), (torch.channels_last, torch.contiguous_format)
    return [first.contiguous(memory_format=each).requires_grad_() for each in formats]


def joined(maps: list[dict[str, Callable[[], object]]]) -> dict[str, list[Callable[[], object]]]:
    return {name: [each[name] for each in maps] for name in maps[0]}


def without_gradients(forward: Callable[[], Tensor]) -> Callable[[], Tensor]:
    return torch.no_grad()(forward)
