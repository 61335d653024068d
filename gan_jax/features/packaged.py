"""The weights in the package (features/weights): reading, writing, and the networks that use them."""

import functools
import importlib.resources
from collections.abc import Callable
from importlib.resources.abc import Traversable
from typing import IO, Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.storage.files import sha256_of
from gan_jax.types import Array, Features, Params, Seen


def packaged(name: str, look: Callable[[Params, Array], Seen], resize: str = "none") -> Features:
    """A classifier with packaged weights.

    Args:
      name: The name of the weights.
      look: (params, examples [B, ...]) -> `Seen`.
      resize: How `look` prepares examples, for protocol stamps.
    """
    params, digest = weights(name)
    return Features(f"{name} classifier", digest, resize, functools.partial(look, params))


def weights(name: str) -> tuple[Params, str]:
    """Packaged parameters, and the SHA-256 of their file."""
    file = importlib.resources.files("gan_jax.features") / "weights" / f"{name}.npz"
    return read(file), sha256_of(file)


def read(file: Traversable) -> Params:
    """Reads parameters that `write` wrote: one array per leaf, named by its path."""
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
    """Writes parameters in float16, half the size of float32."""
    leaves = jax.tree.leaves_with_path(params)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]
    arrays: dict[str, Any] = {name: np.asarray(leaf, np.float16) for name, (_, leaf) in zip(names, leaves)}
    np.savez(stream, **arrays)
