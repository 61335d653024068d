"""Memorisation and repetition: the nearest training examples of samples, and samples that are one another's copies."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import UserError
from gan_jax.metrics.distances import blocks, blocks_within


def nearest(samples: ArrayLike, training: ArrayLike, *, k: int = 1) -> tuple[NDArray, NDArray]:
    """The numbers of each sample's k nearest training examples, and their distances: both [N, k], nearest first."""
    samples, training = np.asarray(samples), np.asarray(training)
    if not 1 <= k <= len(training):
        raise UserError(f"k {k}: from 1 to the {len(training)} training examples")
    which = np.concatenate([smallest(apart, k) for _, apart in blocks(samples, training)])
    return which, np.stack([distance(samples, training[column]) for column in which.T], 1)


def nearest_other(x: ArrayLike) -> NDArray:
    """The distances of x [N, D] from the nearest other one: exactly 0 of a copy."""
    x = np.asarray(x)
    if len(x) < 2:
        raise UserError(f"neighbours among {len(x)} samples: there must be two or more")
    others = np.concatenate([apart.argmin(1) for _, apart in blocks_within(x)])
    return distance(x, x[others])


def nearest_distinct(x: ArrayLike, *, number: int | None = None) -> NDArray:
    """The distances of x [N, D], or of the first `number`, from the nearest one that is no copy; 0 if all are."""
    x = np.asarray(x)
    own, others = x[:number], []
    for _, apart in blocks(own, x):
        apart[apart == 0] = np.inf
        others.append(apart.argmin(1))
    return distance(own, x[np.concatenate(others)])


def duplicates(samples: ArrayLike, within: float) -> float:
    """The share of samples [N, D] that have another one within this distance."""
    return float(np.mean(nearest_other(samples) <= within))


def distance(x: NDArray, y: NDArray) -> NDArray[np.float64]:
    """Of each of x [N, D] from that of y [N, D], without rounding where they are copies."""
    return np.linalg.norm(x.astype(np.float64) - y, axis=1)


def smallest(apart: NDArray, k: int) -> NDArray:
    """The columns [N, k] of the smallest of each row [N, M], which are written over."""
    found = np.empty((len(apart), k), int)
    for column in found.T:
        column[:] = apart.argmin(1)
        apart[np.arange(len(apart)), column] = np.inf
    return found
