"""Two sets of samples held against each other by the distances between them, of any kind."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_jax.errors import UserError


class Matching(NamedTuple):
    """coverage: the share of real samples that are the nearest one to some fake sample.

    minimum_matching_distance: the mean distance of a real sample to its nearest fake one. Both by Achlioptas et al.
    2018, section 4.2.
    """

    coverage: float
    minimum_matching_distance: float


def matching(apart: NDArray) -> Matching:
    """Of distances [real, fake]; among equals the first is the nearest."""
    return Matching(len(np.unique(apart.argmin(0))) / len(apart), float(apart.min(1).mean()))


def one_nearest_neighbour(real: NDArray, across: NDArray, fake: NDArray) -> float:
    """How often the nearest other sample of both sets is of a sample's own: 1/2 where they are of one distribution.

    Near 1 they are told apart, near 0 the fake ones copy the real. The leave-one-out accuracy of a classifier by one
    neighbour; Lopez-Paz & Oquab 2017, section 3. Of several that are equally near, each counts for its part.

    real, across, fake: distances [N, N] between real samples, [N, N] of real from fake, [N, N] between fake ones.

    Raises:
      ValueError: not as many of both.
    """
    if not real.shape == across.shape == fake.shape:
        raise UserError(f"distances of as many real as fake samples: {real.shape}, {across.shape}, {fake.shape}")
    apart = np.block([[real, across], [across.T, fake]]).astype(np.float64)
    np.fill_diagonal(apart, np.inf)
    is_fake = np.arange(len(apart)) >= len(real)
    of_own, nearest = is_fake[:, None] == is_fake, apart == apart.min(1, keepdims=True)
    return float(np.mean((nearest & of_own).sum(1) / nearest.sum(1)))
