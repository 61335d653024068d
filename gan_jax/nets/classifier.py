"""A small classifier of 28x28 images, whose features the metrics of digits and clothes are taken in.

`python experiments/features/train_classifier.py` trained the weights that the package holds.
"""

import functools
import hashlib
import importlib.resources
from collections.abc import Callable
from importlib.resources.abc import Traversable
from typing import IO, Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.nets.convolution import Conv
from gan_jax.types import Array, Features, Params, Seen

FEATURES = 128


class Classifier(nn.Module):
    """Images [B, 28, 28, 1] in [-1, 1] -> Seen; its features are the means of the last layer over the image."""

    classes: int = 10

    @nn.compact
    def __call__(self, x: Array) -> Seen:
        for features, strides in ((32, 1), (64, 2), (64, 1), (128, 2), (FEATURES, 1)):
            x = nn.gelu(Conv(features, (3, 3), strides=strides)(x))
        x = jnp.mean(x, (1, 2))
        return Seen(x, nn.Dense(self.classes)(x))


def classify(params: Params, x: Array) -> Seen:
    """What the classifier with these parameters sees in images [B, 28, 28, 1] in [-1, 1]."""
    if x.shape[1:] != (28, 28, 1):
        raise ValueError(f"the classifier sees images [B, 28, 28, 1], these are {list(x.shape)}")
    return Classifier(params["Dense_0"]["bias"].shape[0]).apply({"params": params}, x)  # type: ignore[return-value]


def digits() -> Features:
    """Trained on 4,000 of the packaged digits."""
    return packaged("digits")


def fashion() -> Features:
    """Trained on the 60,000 training images of Fashion-MNIST."""
    return packaged("fashion")


def packaged(name: str, look: Callable[[Params, Array], Seen] = classify, resize: str = "none") -> Features:
    """look: what a network with the packaged parameters sees. resize: what it does to examples first."""
    params, digest = weights(name)
    return Features(f"{name} classifier", digest, resize, functools.partial(look, params))


def weights(name: str) -> tuple[Params, str]:
    """Parameters that the package holds, and the SHA-256 of their file."""
    file = importlib.resources.files("gan_jax.nets") / "weights" / f"{name}.npz"
    return read(file), hashlib.sha256(file.read_bytes()).hexdigest()


def read(file: Traversable) -> Params:
    """Parameters as `write` keeps them: one array a leaf, named by its path."""
    tree: dict = {}
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        for name in arrays.files:
            *path, leaf = name.split("/")
            node = tree
            for part in path:
                node = node.setdefault(part, {})
            node[leaf] = jnp.asarray(arrays[name], jnp.float32)
    return tree


def write(params: Params, stream: IO[bytes]) -> None:
    """Writes parameters in float16, half of what float32 takes."""
    leaves = jax.tree.leaves_with_path(params)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]
    arrays: dict[str, Any] = {name: np.asarray(leaf, np.float16) for name, (_, leaf) in zip(names, leaves)}
    np.savez(stream, **arrays)
