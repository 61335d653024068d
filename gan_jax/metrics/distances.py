"""Euclidean distances between many features, a block of rows at a time: [BLOCK, M] numbers are held, never [N, M]."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gan_jax.types import Array

BLOCK = 1024


def by_rows(reduce: Callable[[Array, Array], Array], x: NDArray, others: NDArray) -> NDArray:
    """`reduce` of the distances [rows, M] from rows of x [N, D] to others [M, D], and of the rows' numbers; stacked.

    Raises:
      ValueError: features that aren't [N, D] and [M, D].
    """
    if x.ndim != 2 or others.ndim != 2 or x.shape[1] != others.shape[1]:
        raise ValueError(f"features are [N, D] and [M, D], these are {list(x.shape)} and {list(others.shape)}")
    middle = others.mean(0)  # distances don't change, and their rounding is smallest about it
    targets = jnp.asarray(others - middle)

    @jax.jit
    def rows(block: Array, targets: Array, numbers: Array) -> Array:
        return reduce(distances(block, targets), numbers)

    starts = range(0, len(x), BLOCK)
    blocks = [
        rows(jnp.asarray(x[start : start + BLOCK] - middle), targets, jnp.arange(start, min(start + BLOCK, len(x))))
        for start in starts
    ]
    return np.concatenate([np.asarray(block) for block in blocks])


def distances(x: Array, y: Array) -> Array:
    """[N, D], [M, D] -> [N, M], by one matrix product, in full precision also where products are of bfloat16."""
    product = jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
    squared = jnp.sum(x**2, 1)[:, None] + jnp.sum(y**2, 1)[None] - 2 * product
    return jnp.sqrt(jnp.maximum(squared, 0.0))
