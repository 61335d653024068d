"""Inception-v3, whose features define the Fréchet inception distance.

Szegedy et al. 2015, in the form of TensorFlow's graph of 2015-12-05, which Heusel et al. 2017 used: mean pools don't
count the padding, the last block pools by the maximum, and there are 1008 classes. tests/features/inception_golden.json
holds the output of each layer of torch-fidelity's network.
"""

import functools
import shutil
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from platformdirs import user_cache_path

from gan_jax.errors import Missing, UserError
from gan_jax.features import torch_file
from gan_jax.storage.files import sha256_of, whole
from gan_jax.types import Array, Features, Params, Seen

FILE = "pt_inception-2015-12-05-6726825d.pth"  # torch hub names a file by the first digits of its SHA-256
URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILE}"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
SIZE, FEATURES, CLASSES = 299, 2048, 1008


def inception(weights: Path | None = None) -> Features:
    """Inception-v3 of FID (Heusel et al. 2017): features [B, 2048] and logits [B, 1008].

    It looks at images [B, H, W, 1 or 3] in [-1, 1]. The logits have no bias, as in Salimans et al. 2016's code for the
    Inception score.

    Args:
      weights: The published file of weights; by default the one that `fetch` downloads.

    Raises:
      FileNotFoundError: There is no such file.
      ValueError: It isn't the published file.
    """
    path = default_path() if weights is None else weights
    mend = "run `gan-jax prepare inception`, or give the file by --weights"
    if not path.is_file():
        raise Missing(f"{path} is missing: {mend}")
    if (digest := sha256_of(path)) != SHA256:
        raise UserError(f"{path} isn't the published {FILE} (its SHA-256 starts with {digest[:8]}): {mend}")
    # A pytree, so that it can be passed to a compiled program as an argument instead of as 95 MB of constants.
    see = jax.tree_util.Partial(look, params_of(torch_file.read(path)))
    return Features("Inception-v3 (FID)", digest, f"{SIZE}x{SIZE}, bilinear as TensorFlow 1", see)


def fetch() -> Path:
    """Downloads the published weights, 96 MB, to the user's cache folder.

    Returns:
      The file.

    Raises:
      ValueError: The download fails, or its checksum differs.
    """
    path = default_path()
    if path.is_file() and sha256_of(path) == SHA256:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    mend = f"get {FILE} elsewhere, and save it as {path}"
    try:
        with whole(path) as part:
            with urllib.request.urlopen(URL, timeout=60) as response, part.open("wb") as stream:
                shutil.copyfileobj(response, stream)
            if sha256_of(part) != SHA256:
                raise UserError(f"{URL} isn't the published file (its checksum differs): {mend}")
    except OSError as error:
        raise UserError(f"{URL} can't be downloaded ({error}): {mend}") from error
    return path


def default_path() -> Path:
    """The file of the weights in the user's cache folder."""
    return user_cache_path("gan_jax") / "weights" / FILE


def look(params: Params, images: Array) -> Seen:
    """Features and logits of images [B, H, W, 1 or 3] in [-1, 1], by the network with these parameters."""
    return Inception().apply({"params": params}, prepare(images))  # type: ignore[return-value]


def prepare(images: Array) -> Array:
    """Rounds images [B, H, W, 1 or 3] in [-1, 1] to 8 bits, as in files, and resizes: [B, 299, 299, 3] in [-1, 1)."""
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise UserError(f"Inception takes images [B, H, W, 1 or 3], these are {list(images.shape)}")
    colours = jnp.repeat(images.astype(jnp.float32), 3 // images.shape[-1], axis=-1)
    return (resize(jnp.clip(jnp.round((colours + 1) * 127.5), 0, 255), SIZE) - 128) / 128


def resize(x: Array, size: int) -> Array:
    """[B, H, W, C] -> [B, size, size, C], by TensorFlow 1's resize_bilinear with align_corners=False.

    Pixel i of the result lies at i · H / size: the grids share their first pixel, not their centre. No smoothing.
    """
    for axis in (2, 1):
        place = np.arange(size, dtype=np.float32) * np.float32(x.shape[axis] / size)
        low = place.astype(np.int32)
        part = np.expand_dims(place - low.astype(np.float32), tuple(a for a in range(4) if a != axis))
        near, far = (jnp.take(x, at, axis) for at in (low, np.minimum(low + 1, x.shape[axis] - 1)))
        x = near + (far - near) * part
    return x


class Conv(NamedTuple):
    """A convolution, with a BatchNorm folded into it by `params_of`, and a ReLU.

    Attributes:
      features: Output channels.
      window: Of the kernel.
      strides: 1 with padding, or 2 without, as in the graph.
    """

    features: int
    window: tuple[int, int] = (1, 1)
    strides: int = 1


Branch: TypeAlias = dict[str, Any]  # a chain of layers, by the suffix of each to its block's name in the weights
Layer: TypeAlias = Conv | Callable[[Array], Array] | list[Branch]  # branches are concatenated along the channels
halve = functools.partial(nn.max_pool, window_shape=(3, 3), strides=(2, 2))
around = functools.partial(nn.max_pool, window_shape=(3, 3), padding="SAME")
mean_around = functools.partial(nn.avg_pool, window_shape=(3, 3), padding="SAME", count_include_pad=False)


def steps(name: str, *layers: Layer) -> Branch:
    return {f".{name}_{number}": layer for number, layer in enumerate(layers, 1)}


def block_a(pooled: int) -> list[Branch]:
    return [
        {".branch1x1": Conv(64)},
        steps("branch5x5", Conv(48), Conv(64, (5, 5))),
        steps("branch3x3dbl", Conv(64), Conv(96, (3, 3)), Conv(96, (3, 3))),
        {".pool": mean_around, ".branch_pool": Conv(pooled)},
    ]


def block_c(width: int) -> list[Branch]:
    row, column = (1, 7), (7, 1)
    return [
        {".branch1x1": Conv(192)},
        steps("branch7x7", Conv(width), Conv(width, row), Conv(192, column)),
        steps("branch7x7dbl", Conv(width), Conv(width, column), Conv(width, row), Conv(width, column), Conv(192, row)),
        {".pool": mean_around, ".branch_pool": Conv(192)},
    ]


def block_e(pool: Callable[[Array], Array]) -> list[Branch]:
    fork: list[Branch] = [{"a": Conv(384, (1, 3))}, {"b": Conv(384, (3, 1))}]
    return [
        {".branch1x1": Conv(320)},
        steps("branch3x3", Conv(384), fork),
        steps("branch3x3dbl", Conv(448), Conv(384, (3, 3)), fork),
        {".pool": pool, ".branch_pool": Conv(192)},
    ]


def inner(features: int) -> list[Branch]:
    """3x3 without padding: padded and then cropped, which on XLA:CPU takes a quarter of the time."""
    return [{"": Conv(features, (3, 3)), ".cut": lambda x: x[:, 1:-1, 1:-1]}]


LAYERS: Branch = {
    "Conv2d_1a_3x3": Conv(32, (3, 3), 2),
    "Conv2d_2a_3x3": inner(32),
    "Conv2d_2b_3x3": Conv(64, (3, 3)),
    "MaxPool_1": halve,
    "Conv2d_3b_1x1": Conv(80),
    "Conv2d_4a_3x3": inner(192),
    "MaxPool_2": halve,
    "Mixed_5b": block_a(32),
    "Mixed_5c": block_a(64),
    "Mixed_5d": block_a(64),
    "Mixed_6a": [
        {".branch3x3": Conv(384, (3, 3), 2)},
        steps("branch3x3dbl", Conv(64), Conv(96, (3, 3)), Conv(96, (3, 3), 2)),
        {".pool": halve},
    ],
    "Mixed_6b": block_c(128),
    "Mixed_6c": block_c(160),
    "Mixed_6d": block_c(160),
    "Mixed_6e": block_c(192),
    "Mixed_7a": [
        steps("branch3x3", Conv(192), Conv(320, (3, 3), 2)),
        steps("branch7x7x3", Conv(192), Conv(192, (1, 7)), Conv(192, (7, 1)), Conv(192, (3, 3), 2)),
        {".pool": halve},
    ],
    "Mixed_7b": block_e(mean_around),
    "Mixed_7c": block_e(around),
}


class Inception(nn.Module):
    """Images [B, 299, 299, 3] in [-1, 1) -> `Seen`. The outputs of LAYERS are sown as intermediates, "layers".

    Modules have their names in the PyTorch weights, and convolve in full float32 on every device.
    """

    @nn.compact
    def __call__(self, x: Array) -> Seen:
        for name, layer in LAYERS.items():
            x = run(layer, x, name)
            self.sow("intermediates", "layers", x)
        features = jnp.mean(x, (1, 2))
        return Seen(features, nn.Dense(CLASSES, use_bias=False, precision="highest", name="fc")(features))


def run(layer: Layer, x: Array, name: str) -> Array:
    if isinstance(layer, Conv):
        return nn.relu(nn.Conv(*layer, "VALID" if layer.strides > 1 else "SAME", precision="highest", name=name)(x))
    if callable(layer):
        return layer(x)

    def end(branch: Branch) -> Array:
        return functools.reduce(lambda y, step: run(step[1], y, name + step[0]), branch.items(), x)

    return jnp.concatenate([end(branch) for branch in layer], axis=-1)


def params_of(tensors: Mapping[str, np.ndarray]) -> Params:
    """Inception's parameters from PyTorch's tensors by name. Unused tensors are ignored.

    Raises:
      ValueError: A tensor is missing or has another shape.
    """
    params = {"fc": {"kernel": take(tensors, "fc.weight", (CLASSES, FEATURES)).T}}
    for name, (*window, inputs, outputs) in kernels().items():
        kernel = take(tensors, f"{name}.conv.weight", (outputs, inputs, *window)).transpose(2, 3, 1, 0)
        parts = ("weight", "bias", "running_mean", "running_var")
        scale, bias, mean, var = (take(tensors, f"{name}.bn.{part}", (outputs,)) for part in parts)
        scale = scale / np.sqrt(var + 1e-3)
        params[name] = {"kernel": kernel * scale, "bias": bias - mean * scale}
    return jax.tree.map(jnp.asarray, params)


@functools.cache
def kernels() -> dict[str, tuple[int, ...]]:
    """The shapes of the convolutions' kernels, `[*window, in, out]`, by name."""
    params = jax.eval_shape(Inception().init, jax.random.key(0), jnp.zeros((1, SIZE, SIZE, 3)))["params"]
    return {name: leaves["kernel"].shape for name, leaves in params.items() if name != "fc"}


def take(tensors: Mapping[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    found = tensors[name].shape if name in tensors else "missing"
    if found != shape:
        raise UserError(f"these weights aren't Inception's: {name} should be {shape}, but is {found}")
    return tensors[name]
