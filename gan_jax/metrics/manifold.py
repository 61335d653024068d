"""Fidelity and diversity by nearest neighbours: precision and recall, density and coverage.

A point of a set stands for the ball about it that reaches to its k-th neighbour in the set; the union of the balls
stands for the set's manifold.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import UserError
from gan_jax.metrics.distances import blocks, blocks_within


class Manifold(NamedTuple):
    """precision: share of fake samples in the real manifold. recall: share of real ones in the fake manifold.

    Kynkäänniemi et al. 2019, eq. 2. density: real balls about a fake sample, over k; it may exceed 1. coverage: share
    of real balls with a fake sample in them. Naeem et al. 2020, eq. 3 and 4.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifold(real: ArrayLike, fake: ArrayLike, *, k: int = 5) -> Manifold:
    """Of features [N, D] and [M, D]. Kynkäänniemi takes k = 3, Naeem 5.

    Raises:
      ValueError: features of different dimensions, or a k that leaves a sample without its neighbour.
      FloatingPointError: features that aren't finite, or whose distances overflow.
    """
    real, fake = np.asarray(real), np.asarray(fake)
    if not 1 <= k < min(len(real), len(fake)):
        raise UserError(f"k {k}: from 1 to below the number of samples, {len(real)} real and {len(fake)} fake")
    real_reach, fake_reach = squared_radii(real, k), squared_radii(fake, k)
    balls = np.zeros(len(fake), int)  # that each fake sample lies in
    recalled = covered = 0
    for at, apart in blocks(real, fake):
        inside = apart <= real_reach[at, None]
        balls += inside.sum(0)
        covered += int(inside.any(1).sum())
        recalled += int((apart <= fake_reach).any(1).sum())
    return Manifold(
        precision=float(np.mean(balls > 0)),
        recall=recalled / len(real),
        density=float(np.mean(balls) / k),
        coverage=covered / len(real),
    )


def squared_radii(x: NDArray, k: int) -> NDArray[np.float32]:
    """The squared distance of each of x [N, D] from its k-th neighbour among the others."""
    return np.concatenate([np.partition(apart, k - 1, 1)[:, k - 1] for _, apart in blocks_within(x)])
