"""Memorisation and repetition: the training examples nearest to samples, and samples that repeat one another."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import UserError
from gan_jax.metrics.distances import blocks, blocks_within


def nearest(samples: ArrayLike, training: ArrayLike, *, k: int = 1) -> tuple[NDArray, NDArray]:
    """Find each sample's nearest training examples.

    Args:
      samples: Features [N, D].
      training: Features [M, D].
      k: The number of neighbours, from 1 to M.

    Returns:
      The indices [N, k] of training examples and their Euclidean distances [N, k], nearest first.

    Raises:
      ValueError: k isn't from 1 to M, or the features differ in dimension.
      FloatingPointError: A feature isn't finite, or distances overflow.
    """
    samples, training = np.asarray(samples), np.asarray(training)
    if not 1 <= k <= len(training):
        raise UserError(f"k {k}: it must be from 1 to {len(training)}, the number of training examples")
    which = np.concatenate([smallest(apart, k) for _, apart in blocks(samples, training)])
    return which, np.stack([distance(samples, training[column]) for column in which.T], 1)


def nearest_other(x: ArrayLike) -> NDArray:
    """Compute the distance [N] of each row of x [N, D] from the nearest other row: exactly 0 for a copy."""
    x = np.asarray(x)
    if len(x) < 2:
        raise UserError(f"neighbours among {len(x)} samples: there must be two or more")
    others = np.concatenate([apart.argmin(1) for _, apart in blocks_within(x)])
    return distance(x, x[others])


def nearest_distinct(x: ArrayLike, *, number: int | None = None) -> NDArray:
    """Compute the distance of each row of x [N, D] from the nearest row that isn't a copy; 0 if all are copies.

    Args:
      x: Features [N, D].
      number: Only the first rows get a distance; None: all.
    """
    x = np.asarray(x)
    own, others = x[:number], []
    for _, apart in blocks(own, x):
        apart[apart == 0] = np.inf
        others.append(apart.argmin(1))
    return distance(own, x[np.concatenate(others)])


def duplicates(samples: ArrayLike, within: float) -> float:
    """Compute the share of samples [N, D] that have another one within a distance."""
    return float(np.mean(nearest_other(samples) <= within))


def distance(x: NDArray, y: NDArray) -> NDArray[np.float64]:
    """Distances [N] of the rows of x [N, D] from those of y [N, D]: exactly 0 for copies."""
    return np.linalg.norm(x.astype(np.float64) - y, axis=1)


def smallest(apart: NDArray, k: int) -> NDArray:
    """The columns [N, k] of the smallest values in each row of `apart` [N, M], which is overwritten."""
    found = np.empty((len(apart), k), int)
    for column in found.T:
        column[:] = apart.argmin(1)
        apart[np.arange(len(apart)), column] = np.inf
    return found
