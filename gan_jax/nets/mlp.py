"""Multilayer perceptrons: the toy networks of WGAN-GP (Gulrajani 2017, and its gan_toy.py)."""

import math
from collections.abc import Mapping, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.nets.layers import need_label, with_heads
from gan_jax.nets.linen import from_linen
from gan_jax.types import Array, Condition, Mode, Network, Output


def generator(shape: Sequence[int] = (2,), *, width: int = 512, depth: int = 3, classes: int = 0) -> Network:
    """Latents [B, Z] -> examples `[B, *shape]`.

    Args:
      shape: Of one example.
      width: Units of each hidden layer.
      depth: The number of hidden layers, with ReLU; a linear layer follows.
      classes: The number of classes; 0 for none. The label is concatenated to the input.
    """
    return from_linen(MLP(tuple(shape), width, depth, classes))


def critic(*, width: int = 512, depth: int = 3, classes: int = 0, heads: Mapping[str, int] | None = None) -> Network:
    """Examples [B, ...], which are flattened -> logits [B].

    Args:
      width: Units of each hidden layer.
      depth: The number of hidden layers, with ReLU; a linear layer follows.
      classes: The number of classes; 0 for none. The label is concatenated to the input.
      heads: Further linear outputs of the last features, {name: size}. They and the features are in `Output.extra`.
    """
    return from_linen(MLP((), width, depth, classes, heads))


class MLP(nn.Module):
    shape: tuple[int, ...]  # of one result
    width: int
    depth: int
    classes: int
    heads: Mapping[str, int] | None = None

    @nn.compact
    def __call__(self, x: Array, condition: Condition, mode: Mode) -> Array | Output:
        x = x.reshape(x.shape[0], -1)
        if self.classes:
            one_hot = jax.nn.one_hot(need_label(condition, self.classes), self.classes, dtype=x.dtype)
            x = jnp.concatenate([x, one_hot], axis=1)
        for _ in range(self.depth):
            x = nn.relu(nn.Dense(self.width, kernel_init=nn.initializers.he_uniform())(x))
        y = nn.Dense(math.prod(self.shape), kernel_init=nn.initializers.glorot_uniform())(x)
        return with_heads(x, y.reshape(x.shape[0], *self.shape), self.heads)
