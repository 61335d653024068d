"""Euclidean distances between many features, a block of rows at a time: [BLOCK, M] numbers are held, never [N, M]."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gan_jax.types import Array

BLOCK = 1024


def by_rows(reduce: Callable[[Array], Array], x: NDArray, others: NDArray) -> NDArray:
    """`reduce` of the distances [rows, M] from rows of x [N, D] to others [M, D], stacked.

    Raises:
      ValueError: features that aren't [N, D] and [M, D], or aren't finite.
    """
    return stacked(lambda apart, _: reduce(apart), x, others)


def among_themselves(reduce: Callable[[Array], Array], x: NDArray) -> NDArray:
    """`by_rows` from x [N, D] to x, where each is infinitely far from itself."""

    def without_own(apart: Array, numbers: Array) -> Array:
        return reduce(jnp.where(numbers[:, None] == jnp.arange(len(x))[None], jnp.inf, apart))

    return stacked(without_own, x, x)


def stacked(reduce: Callable[[Array, Array], Array], x: NDArray, others: NDArray) -> NDArray:
    """reduce: the distances of a block of rows, and the rows' numbers -> [rows, ...]."""
    if x.ndim != 2 or others.ndim != 2 or x.shape[1] != others.shape[1]:
        raise ValueError(f"features are [N, D] and [M, D], these are {list(x.shape)} and {list(others.shape)}")
    if not (np.isfinite(x).all() and np.isfinite(others).all()):
        raise ValueError("features hold NaN or infinity: a figure of them would mean nothing")
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
