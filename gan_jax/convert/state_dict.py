"""From the tensors of a PyTorch state dict to the variables of a network, by a table of names."""

import itertools
import os
from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.errors import UserError
from gan_jax.features import torch_file
from gan_jax.trees import name_of
from gan_jax.types import Network, Variables

FILTER = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 64  # of both families: R3GAN convolves its [1, 2, 1] with [1, 1]
AXES = {0: (), 1: (0,), 2: (1, 0), 3: (1, 2, 0), 4: (2, 3, 1, 0)}  # PyTorch's, in our order: outputs come last


class Converted(NamedTuple):
    """A generator with published weights.

    Attributes:
      network: The network, with the sizes of the file's.
      variables: Its variables, for the functions of `make_sampler` and `make_walker`.
      latent: The size of its latents, for `priors.normal`.
    """

    network: Network
    variables: Variables
    latent: int


class StateDict(NamedTuple):
    """The tensors of a file.

    Attributes:
      path: The file.
      tensors: The tensors by name.
    """

    path: str | os.PathLike[str]
    tensors: dict[str, np.ndarray]

    def shape(self, name: str, axes: int) -> tuple[int, ...]:
        """The shape of a tensor.

        Raises:
          UserError: The tensor is missing or empty, or has another number of axes.
        """
        if name not in self.tensors:
            raise self.other(f"{name} is missing")
        shape = self.tensors[name].shape
        if len(shape) != axes or 0 in shape:
            raise self.other(f"{name} has shape {shape}, and {axes} axes are wanted, none of size 0")
        return shape

    def count(self, name: Callable[[int], str]) -> int:
        """The number of tensors with the names name(0), name(1) and so on.

        Raises:
          UserError: There is none.
        """
        if name(0) not in self.tensors:
            raise self.other(f"{name(0)} is missing")
        return next(number for number in itertools.count(1) if name(number) not in self.tensors)

    def other(self, what: str) -> UserError:
        """The error for a file of another network."""
        return UserError(f"{self.path}: {what}; this is another network, or not its G_ema.state_dict()")


def read(path: str | os.PathLike[str], *, resampling: str) -> StateDict:
    """Reads a file of torch.save's.

    Args:
      path: The file.
      resampling: The last part of the names of resampling filters, which are checked and left out.

    Raises:
      UserError: The file is damaged, holds more than tensors, or has another resampling filter.
      OSError: The file can't be read.
    """
    state = StateDict(path, torch_file.read(path))
    for name in [name for name in state.tensors if name.endswith(resampling)]:
        if not np.array_equal(state.tensors.pop(name), FILTER):
            raise state.other(f"{name!r} isn't the network's filter, [1, 3, 3, 1] along both axes")
    return state


def converted(state: StateDict, network: Network, latent: int, classes: int, names: Mapping[str, str]) -> Converted:
    """Gives the network the file's variables.

    Args:
      state: The file.
      network: A network of the file's sizes.
      latent: The size of its latents.
      classes: The number of its classes; 0 for none.
      names: The file's name of every variable, {ours: the file's}.

    Raises:
      UserError: A tensor is missing, has another shape, or is left over.
    """
    z = jax.ShapeDtypeStruct((1, latent), jnp.float32)
    label = jax.ShapeDtypeStruct((1,), jnp.int32) if classes else None
    left = dict(state.tensors)

    def taken(name: str, leaf: jax.ShapeDtypeStruct) -> jax.Array:
        shape, axes = state.shape(name, leaf.ndim), AXES[leaf.ndim]
        if tuple(shape[axis] for axis in axes) != leaf.shape:
            wanted = tuple(leaf.shape[axes.index(axis)] for axis in range(leaf.ndim))
            raise state.other(f"{name} has shape {shape}, and {wanted} is wanted")
        return jnp.asarray(left.pop(name).transpose(axes), jnp.float32)

    shapes = Variables(*jax.eval_shape(network.init, jax.random.key(0), z, label))
    variables = Variables(
        *(jax.tree.map_with_path(lambda path, leaf: taken(names[name_of(path)], leaf), tree) for tree in shapes)
    )
    if left:
        raise state.other(f"the network has no {next(iter(left))!r}")
    return Converted(network, variables, latent)
