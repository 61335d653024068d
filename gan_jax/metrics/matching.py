"""Two sets of samples compared by the distances between them, of any kind."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_jax.errors import UserError


class Matching(NamedTuple):
    """How fake samples match real ones. Achlioptas et al. 2018, section 4.2.

    Attributes:
      coverage: The share of real samples that are the nearest real one to some fake sample.
      minimum_matching_distance: The mean distance of a real sample to its nearest fake one.
    """

    coverage: float
    minimum_matching_distance: float


def matching(apart: NDArray) -> Matching:
    """Compute coverage and minimum matching distance.

    Args:
      apart: Distances [real, fake]. If several are equal, the first is the nearest.
    """
    return Matching(len(np.unique(apart.argmin(0))) / len(apart), float(apart.min(1).mean()))


def one_nearest_neighbour(real: NDArray, across: NDArray, fake: NDArray) -> float:
    """Compute how often the sample nearest to another one is from the same set.

    This is the leave-one-out accuracy of a one-nearest-neighbour classifier: 1/2 if both sets are from one
    distribution, near 1 if they are easy to tell apart, near 0 if the fake samples copy the real ones. Several that are
    equally near share the vote.

    Args:
      real: Distances [N, N] between real samples.
      across: Distances [N, N] of real samples (rows) from fake ones.
      fake: Distances [N, N] between fake samples.

    Raises:
      ValueError: The numbers of real and fake samples differ.

    Lopez-Paz & Oquab 2017, section 3.
    """
    if not real.shape == across.shape == fake.shape:
        raise UserError(f"distances {real.shape}, {across.shape}, {fake.shape}: give as many real as fake samples")
    apart = np.block([[real, across], [across.T, fake]]).astype(np.float64)
    np.fill_diagonal(apart, np.inf)
    is_fake = np.arange(len(apart)) >= len(real)
    of_own, nearest = is_fake[:, None] == is_fake, apart == apart.min(1, keepdims=True)
    return float(np.mean((nearest & of_own).sum(1) / nearest.sum(1)))
