"""Squared Euclidean distances between many features, a block of rows at a time: HELD numbers, and never [N, M].

|x|² + |y|² - 2 x·y cancels where features lie in tight groups far apart, and float32 would lose the distance. So it is
computed in float64, on the host since not every accelerator has float64, and then rounded to float32. A result within
the rounding error becomes 0, so that copies are at distance 0 and lie in each other's balls.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import NotFinite, UserError
from gan_jax.metrics.checked import extremes, rows

HELD = 20_000_000
COLUMNS = 4096
LARGEST = 1e17  # squares beyond might overflow float32

Blocks = Iterator[tuple[slice, NDArray[np.float32]]]


def blocks(x: ArrayLike, others: ArrayLike) -> Blocks:
    """Yields slices of x [N, D], and their squared distances [rows, M] from others [M, D], which may be overwritten.

    Raises:
      ValueError: The features aren't [N, D] and [M, D].
      FloatingPointError: They aren't finite, or are so large that distances overflow.
    """
    x, others = rows(x), rows(others)
    if x.shape[1] != others.shape[1]:
        raise UserError(f"features must be [N, D] and [M, D], not {list(x.shape)} and {list(others.shape)}")
    if (largest := np.abs([extremes(x), extremes(others)]).max()) > LARGEST:
        raise NotFinite(f"features are as large as {largest:.2g}: their distances overflow")
    middle = others.mean(0, dtype=np.float64)  # shifting by it changes no distance, and makes the rounding smallest
    height = max(1, HELD // max(1, len(others)))
    for first in range(0, len(x), height):
        part = x[first : first + height] - middle
        apart = np.empty((len(part), len(others)), np.float32)
        for at in range(0, len(others), COLUMNS):
            apart[:, at : at + COLUMNS] = squared(part, others[at : at + COLUMNS] - middle)
        yield slice(first, first + len(part)), apart


def blocks_within(x: ArrayLike) -> Blocks:
    """`blocks` of x [N, D] with itself, where each row is infinitely far from itself."""
    for at, apart in blocks(x, x):
        np.fill_diagonal(apart[:, at], np.inf)
        yield at, apart


def squared(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Squared distances [N, M] of x [N, D] and y [M, D], by one product: (x, |x|², 1) · (-2 y, 1, |y|²)."""
    length = np.sum(x**2, 1, keepdims=True)
    left = np.concatenate([x, length, np.ones((len(x), 1))], 1)
    right = np.concatenate([-2 * y, np.ones((len(y), 1)), np.sum(y**2, 1, keepdims=True)], 1)
    apart = left @ right.T
    # A sum of n products errs by up to n ε/2 times the sum of their sizes (Higham 2002, eq. 3.5): 4 |x|² where y is x.
    apart *= apart > 4 * left.shape[1] * np.finfo(np.float64).eps * length
    return apart
