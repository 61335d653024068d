"""Fidelity and diversity by nearest neighbours: precision and recall, density and coverage.

Each point of a set has a ball around it that reaches to its k-th neighbour in the set. The union of the balls
approximates the set's manifold.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import UserError
from gan_jax.metrics.distances import blocks, blocks_within


class Manifold(NamedTuple):
    """Fidelity and diversity of fake samples.

    Attributes:
      precision: The share of fake samples in the real manifold. Kynkäänniemi et al. 2019, eq. 2.
      recall: The share of real samples in the fake manifold. The same equation.
      density: The mean number of real balls around a fake sample, over k; it may exceed 1. Naeem et al. 2020, eq. 3.
      coverage: The share of real balls that contain a fake sample. Naeem et al. 2020, eq. 4.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def manifold(real: ArrayLike, fake: ArrayLike, *, k: int = 5) -> Manifold:
    """Compute precision, recall, density and coverage.

    Args:
      real: Features [N, D].
      fake: Features [M, D].
      k: The neighbour that sets the size of a ball. Kynkäänniemi et al. use 3, Naeem et al. 5.

    Raises:
      ValueError: The features differ in dimension, or k isn't below the number of samples.
      FloatingPointError: A feature isn't finite, or distances overflow.
    """
    real, fake = np.asarray(real), np.asarray(fake)
    if not 1 <= k < min(len(real), len(fake)):
        raise UserError(
            f"k {k}: it must be from 1 to below the number of samples, {len(real)} real and {len(fake)} fake"
        )
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
    """The squared distance [N] of each row of x [N, D] from its k-th neighbour among the others."""
    return np.concatenate([np.partition(apart, k - 1, 1)[:, k - 1] for _, apart in blocks_within(x)])
