"""StyleGAN2 in PyTorch, from the papers' equations: `python tests/papers_stylegan2.py` writes papers_stylegan2.npz.

Functions of our parameters, in float64. Images are [B, C, H, W]. Each example is convolved with its own kernel.
"""

from typing import Any

import derivatives
import torch
from stylegan2_cases import DEPTH, FILE, GROUP, NETS, WIDTHS, inputs, variables
from torch.nn import functional as F


def dense(params, x, multiplier=1.0):
    kernel, bias = params["kernel"], params["bias"]
    return multiplier * (x @ kernel / len(kernel) ** 0.5 + bias)


def activated(x):
    return 2**0.5 * F.leaky_relu(x, 0.2)


def mapped(params, *parts):
    x = torch.cat([part / (part.square().mean(1, keepdim=True) + 1e-8).sqrt() for part in parts], 1)
    for number in range(DEPTH):
        x = activated(dense(params[f"Dense_{number}"], x, 0.01))
    return x


def filtered(x, total, padding):
    """Each channel by itself, with [1, 3, 3, 1] along both axes, of this sum."""
    line = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype)
    taps = total * torch.outer(line, line) / line.sum() ** 2
    return F.conv2d(x, taps.expand(x.shape[1], 1, 4, 4), padding=padding, groups=x.shape[1])


def doubled(x):
    """Zeros between the values, then the filter."""
    apart = torch.zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3], dtype=x.dtype)
    apart[:, :, ::2, ::2] = x
    return filtered(F.pad(apart, (2, 1, 2, 1)), 4, 0)


def modulated(kernel, x, styles, up=False, demodulate=True):
    """One example after another; the kernel is [height, width, in, out]."""

    def one(x, style):
        w = kernel * style[:, None]
        if demodulate:
            w = w / (w.square().sum((0, 1, 2)) + 1e-8).sqrt()
        if up:
            return filtered(F.conv_transpose2d(x, w.permute(2, 3, 0, 1), stride=2), 4, 1)
        return F.conv2d(x, w.permute(3, 2, 0, 1), padding=len(w) // 2)

    return torch.cat([one(x[None], style) for x, style in zip(x, styles)])


def layer(params, x, style, up=False):
    y = modulated(params["kernel"], x, dense(params["Dense_0"], style), up)
    return activated(y + params["bias"][:, None, None])


def to_rgb(params, x, style):
    styles = dense(params["Dense_0"], style) / x.shape[1] ** 0.5
    return modulated(params["kernel"], x, styles, demodulate=False) + params["bias"][:, None, None]


def generator(params, z, label):
    embedded = dense(params["embedding"], F.one_hot(label, 3).to(z.dtype))
    style = mapped(params["Mapping_0"], z, embedded)
    params = params["Synthesis_0"]
    x = params["constant"].permute(2, 0, 1).expand(len(z), -1, -1, -1)
    x = layer(params["Modulated_0"], x, style)
    image = to_rgb(params["ToRGB_0"], x, style)
    for number in range(1, len(WIDTHS)):
        x = layer(params[f"Modulated_{2 * number - 1}"], x, style, up=True)
        x = layer(params[f"Modulated_{2 * number}"], x, style)
        image = doubled(image) + to_rgb(params[f"ToRGB_{number}"], x, style)
    return image.permute(0, 2, 3, 1)


def conv(params, x, down=False):
    w = params["kernel"].permute(3, 2, 0, 1)
    w = w / w[0].numel() ** 0.5
    around = w.shape[-1] // 2
    y = F.conv2d(filtered(x, 1, around + 1), w, stride=2) if down else F.conv2d(x, w, padding=around)
    return y + params["bias"][:, None, None] if "bias" in params else y


def critic(params, x, label):
    x = activated(conv(params["Conv_0"], x.permute(0, 3, 1, 2)))
    for number in range(len(WIDTHS) - 1):
        block = params[f"Block_{number}"]
        y = activated(conv(block["Conv_0"], x))
        y = activated(conv(block["Conv_1"], y, down=True))
        x = (y + conv(block["Conv_2"], x, down=True)) / 2**0.5 if "Conv_2" in block else y
    spread = (x.reshape(-1, GROUP, *x.shape[1:]).var(1, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    spread = spread.repeat_interleave(GROUP)[:, None, None, None].expand(-1, 1, *x.shape[2:])
    x = activated(conv(params["Conv_1"], torch.cat([x, spread], 1)))
    x = activated(dense(params["Dense_0"], x.permute(0, 2, 3, 1).flatten(1)))
    embedded = mapped(params["Mapping_0"], dense(params["embedding"], F.one_hot(label, 3).to(x.dtype)))
    return (dense(params["Dense_1"], x) * embedded).sum(1) / embedded.shape[1] ** 0.5


BUILDS = {"generator": generator, "critic": critic, "critic without shortcuts": critic}


def by_torch(name: str) -> list[Any]:
    """The outputs and derivatives of a build."""
    (params, _), (x, label) = variables(name), inputs(name)
    label = torch.tensor(label, dtype=torch.int64)
    return derivatives.by_torch(lambda params, x: BUILDS[name](params, x, label), params, x)


if __name__ == "__main__":
    derivatives.save(FILE, NETS, by_torch)
