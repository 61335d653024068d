"""A small classifier of 28x28 images; its last hidden layer is what their metrics see.

The weights come with the package: experiments/features/train_classifier.py made them.
"""

import importlib.resources
import importlib.resources.abc
from typing import IO, Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.nets.convolution import Conv
from gan_jax.types import Array, Params

FEATURES = 128


class Seen(NamedTuple):
    """What the classifier sees in images: features [B, FEATURES], none below 0; logits [B, classes]."""

    features: Array
    logits: Array


class Classifier(nn.Module):
    """Images [B, 28, 28, 1] in [-1, 1] -> Seen."""

    classes: int = 10

    @nn.compact
    def __call__(self, x: Array) -> Seen:
        for features, strides in ((32, 1), (64, 2), (64, 1), (FEATURES, 2)):
            x = nn.relu(Conv(features, (3, 3), strides=strides)(x))
        x = nn.relu(nn.Dense(FEATURES)(jnp.max(x, (1, 2))))
        return Seen(x, nn.Dense(self.classes)(x))


def classify(params: Params, x: Array) -> Seen:
    """What the classifier with these parameters sees in images [B, 28, 28, 1] in [-1, 1]."""
    return Classifier(params["Dense_1"]["bias"].shape[0]).apply({"params": params}, x)  # type: ignore[return-value]


def digits_classifier() -> Params:
    """The parameters that tell the packaged digits apart, right on 98.6 % of 1,000 held out."""
    return read(importlib.resources.files("gan_jax.nets") / "weights" / "digits.npz")


def read(file: importlib.resources.abc.Traversable) -> Params:
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
