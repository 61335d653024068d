"""R3GAN's networks in PyTorch, from the paper's equations: `python tests/papers_r3gan.py` writes papers_r3gan.npz.

Functions of our parameters, in float64. Images are [B, H, W, C].
"""

from typing import Any

import derivatives
import numpy as np
import torch
from r3gan_cases import FILE, NETS, SETTINGS, inputs, parameters
from torch.nn import functional as F


def conv(params, x, groups=1, padding=0):
    kernel = params["kernel"].permute(3, 2, 0, 1)
    return F.conv2d(x.permute(0, 3, 1, 2), kernel, params.get("bias"), 1, padding, 1, groups).permute(0, 2, 3, 1)


def taps():
    line = torch.tensor(np.convolve([1.0, 2.0, 1.0], [1.0, 1.0]))
    return (torch.outer(line, line) / line.sum() ** 2)[None, None]


def one_channel(x, resample):
    """Each channel by itself."""
    batch, _, _, channels = x.shape
    y = resample(x.permute(0, 3, 1, 2).reshape(-1, 1, *x.shape[1:3]))
    return y.reshape(batch, channels, *y.shape[2:]).permute(0, 2, 3, 1)


def upsampled(x):
    return one_channel(x, lambda x: F.conv_transpose2d(x, 4 * taps(), stride=2, padding=1))


def downsampled(x):
    return one_channel(x, lambda x: F.conv2d(x, taps(), stride=2, padding=1))


def block(params, x, width):
    groups = 2 * width // SETTINGS["group_size"]
    y = F.leaky_relu(conv(params["Conv_0"], x), 0.2)
    y = F.leaky_relu(conv(params["Conv_1"], y, groups, padding=1), 0.2)
    return x + conv(params["Conv_2"], y)


def generator(params, z, label):
    wide, narrow = SETTINGS["widths"]
    z = torch.cat([z, params["Embed_0"]["embedding"][label]], -1)
    x = params["basis"][None] * (z @ params["Dense_0"]["kernel"])[:, None, None]
    for number in (0, 1):
        x = block(params[f"Block_{number}"], x, wide)
    x = upsampled(conv(params["Conv_0"], x))
    for number in (2, 3):
        x = block(params[f"Block_{number}"], x, narrow)
    return conv(params["Conv_1"], x)


def critic(params, x, label):
    wide, narrow = SETTINGS["widths"]
    x = conv(params["Conv_0"], x)
    for number in (0, 1):
        x = block(params[f"Block_{number}"], x, narrow)
    x = conv(params["Conv_1"], downsampled(x))
    for number in (2, 3):
        x = block(params[f"Block_{number}"], x, wide)
    features = conv(params["Conv_2"], x, groups=wide)[:, 0, 0]
    return ((features @ params["Dense_0"]["kernel"]) * params["Embed_0"]["embedding"][label]).sum(-1)


BUILDS = {"generator": generator, "critic": critic}


def by_torch(name: str) -> list[Any]:
    """The outputs and derivatives of a build."""
    x, label = inputs(name)
    return derivatives.by_torch(lambda params, x: BUILDS[name](params, x, torch.tensor(label)), parameters(name), x)


if __name__ == "__main__":
    derivatives.save(FILE, NETS, by_torch)
