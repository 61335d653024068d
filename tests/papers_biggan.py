"""BigGAN's networks in PyTorch, from the papers' equations: `python tests/papers_biggan.py` writes papers_biggan.npz.

Functions of our parameters, in float64, under spectral norm and with batch statistics. Images are [B, C, H, W].
"""

from typing import Any

import derivatives
import torch
from biggan_cases import FILE, NETS, inputs, variables
from torch.nn import functional as F


def normalised(params, vectors, path=()):
    """Each kernel divided by uᵀWv."""
    if isinstance(params, dict):
        return {name: normalised(value, vectors, (*path, name)) for name, value in params.items()}
    if "/".join(path) not in vectors:
        return params
    u, v = (torch.tensor(vector, dtype=torch.float64) for vector in vectors["/".join(path)])
    return params / (u @ params.reshape(len(u), len(v)) @ v)


def conv(params, x):
    kernel = params["kernel"].permute(3, 2, 0, 1)
    return F.conv2d(x, kernel, params.get("bias"), padding=kernel.shape[-1] // 2)


def batch_norm(x):
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
    return (x - mean) / torch.sqrt(variance + 1e-4)


def broadcast(numbers):
    return numbers[..., None, None]


def styled(params, x, style):
    scale, bias = (broadcast(style @ params[name]["kernel"]) for name in ("to_scale", "to_bias"))
    return (1 + scale) * batch_norm(x) + bias


def attention(params, x):
    theta = conv(params["theta"], x).flatten(2)
    phi, g = (F.max_pool2d(conv(params[name], x), 2).flatten(2) for name in ("phi", "g"))
    beta = torch.softmax(theta.transpose(1, 2) @ phi, -1)  # [B, positions, a quarter as many]
    seen = (g @ beta.transpose(1, 2)).reshape(len(x), -1, *x.shape[2:])
    return x + params["gain"] * conv(params["o"], seen)


def up_block(params, x, style):
    y = F.interpolate(F.relu(styled(params["StyledBatchNorm_0"], x, style)), scale_factor=2)
    y = F.relu(styled(params["StyledBatchNorm_1"], conv(params["Conv_0"], y), style))
    return conv(params["Conv_1"], y) + conv(params["Conv_2"], F.interpolate(x, scale_factor=2))


def generator(params, z, label):
    first, *chunks = z.split(2, dim=1)
    one, two = (torch.cat([params["shared"][label], chunk], 1) for chunk in chunks)
    x = first @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"]
    x = x.reshape(len(z), 2, 2, 16).permute(0, 3, 1, 2)
    x = attention(params["SelfAttention_0"], up_block(params["Block_0"], x, one))
    x = up_block(params["Block_1"], x, two)
    affine = params["BatchNorm_0"]["BatchNorm_0"]
    x = batch_norm(x) * broadcast(affine["scale"]) + broadcast(affine["bias"])
    return torch.tanh(conv(params["Conv_0"], F.relu(x))).permute(0, 2, 3, 1)


def critic(params, x, label):
    x = x.permute(0, 3, 1, 2)
    first, second, third = params["FirstBlock_0"], params["Block_0"], params["Block_1"]
    y = F.avg_pool2d(conv(first["Conv_0"], F.relu(conv(first["Conv_1"], x))), 2)  # Conv_1 comes first
    x = attention(params["SelfAttention_0"], y + conv(first["Conv_2"], F.avg_pool2d(x, 2)))
    y = conv(second["Conv_1"], F.relu(conv(second["Conv_0"], F.relu(x))))
    x = F.avg_pool2d(y, 2) + F.avg_pool2d(conv(second["Conv_2"], x), 2)
    x = x + conv(third["Conv_1"], F.relu(conv(third["Conv_0"], F.relu(x))))
    features = F.relu(x).sum((2, 3))
    logits = (features @ params["Dense_0"]["kernel"] + params["Dense_0"]["bias"])[:, 0]
    return logits + (params["Projection_0"]["Embed_0"]["embedding"][label] * features).sum(1)


BUILDS = {"generator": generator, "critic": critic}


def by_torch(name: str) -> list[Any]:
    """The outputs and derivatives of a build."""
    (params, stats), (x, label) = variables(name), inputs(name)

    def network(params: Any, x: torch.Tensor) -> torch.Tensor:
        return BUILDS[name](normalised(params, stats["spectral"]), x, torch.tensor(label))

    return derivatives.by_torch(network, params, x)


if __name__ == "__main__":
    derivatives.save(FILE, NETS, by_torch)
