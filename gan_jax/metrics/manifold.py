"""Fidelity and diversity by nearest neighbours: precision and recall, density and coverage.

A point of a set stands for the ball about it that reaches to its k-th neighbour in the set; the union of the balls
stands for the set's manifold.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_jax.metrics.distances import among_themselves, by_rows


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
    """
    real, fake = np.asarray(real), np.asarray(fake)
    if not 1 <= k < min(len(real), len(fake)):
        raise ValueError(f"k {k}: from 1 to below the number of samples, {len(real)} real and {len(fake)} fake")
    real_radii, fake_radii = radii(real, k), radii(fake, k)
    inside = by_rows(lambda apart: jnp.sum(apart <= real_radii[None], 1), fake, real)
    recalled = by_rows(lambda apart: jnp.any(apart <= fake_radii[None], 1), real, fake)
    nearest = by_rows(lambda apart: jnp.min(apart, 1), real, fake)
    return Manifold(
        precision=float(np.mean(inside > 0)),
        recall=float(np.mean(recalled)),
        density=float(np.mean(inside) / k),
        coverage=float(np.mean(nearest <= real_radii)),
    )


def radii(x: NDArray, k: int) -> NDArray:
    """The distance of each of x [N, D] from its k-th neighbour among the others."""
    # the maximum, as the last column by index makes XLA:CPU sort whole rows, which takes 40 times as long
    return among_themselves(lambda apart: jnp.max(-jax.lax.top_k(-apart, k)[0], 1), x)
