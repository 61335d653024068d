"""Euclidean distances between many features, a block of rows at a time: [BLOCK, M] numbers are held, never [N, M].

The rows of a block are spread over the devices of this process.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec
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
    farthest = max(float(np.abs(part - middle).max(initial=0)) for part in (x, others))
    if farthest > 1e17:  # the squares' sum would overflow float32
        raise FloatingPointError(f"features are as far apart as {farthest:.2g}: their distances overflow")
    mesh = jax.make_mesh(
        (jax.local_device_count(),), ("rows",), axis_types=(AxisType.Auto,), devices=jax.local_devices()
    )
    by_device = NamedSharding(mesh, PartitionSpec("rows"))
    size = -(-BLOCK // mesh.size) * mesh.size
    targets = jax.device_put(others - middle, NamedSharding(mesh, PartitionSpec()))

    @jax.jit
    def rows(block: Array, targets: Array, numbers: Array) -> Array:
        return reduce(distances(block, targets), numbers)

    def block(first: int) -> NDArray:
        part = x[first : first + size] - middle
        padded = np.concatenate([part, np.zeros((size - len(part), x.shape[1]), part.dtype)])  # one program for all
        numbers = np.arange(first, first + size)
        return np.asarray(rows(*jax.device_put((padded, targets, numbers), (by_device, targets.sharding, by_device))))

    return np.concatenate([block(first) for first in range(0, len(x), size)])[: len(x)]


def distances(x: Array, y: Array) -> Array:
    """[N, D], [M, D] -> [N, M], by one matrix product, in full precision also where products are of bfloat16."""
    product = jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
    squared = jnp.sum(x**2, 1)[:, None] + jnp.sum(y**2, 1)[None] - 2 * product
    return jnp.sqrt(jnp.maximum(squared, 0.0))
