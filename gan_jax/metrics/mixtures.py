"""Figures of samples from a mixture of equal Gaussians, such as 8 or 25 in the plane; and exact optimal transport."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from gan_jax.errors import UserError
from gan_jax.metrics.checked import rows
from gan_jax.metrics.classes import Modes, modes


class Mixture(NamedTuple):
    """How samples fit a mixture. Lin et al. 2018 (PacGAN), section 4.1, after Srivastava et al. 2017 (VEEGAN).

    Attributes:
      covered: The number of modes with a high-quality sample.
      high_quality: The share of samples within three standard deviations of a centre.
      modes: `classes.modes` of all samples, each counted with its nearest centre; its `kl` is the reverse KL.
    """

    covered: int
    high_quality: float
    modes: Modes


def mixture(samples: ArrayLike, centres: ArrayLike, sigma: float, *, seed: int = 0) -> Mixture:
    """Compute the modes that samples cover, and the share of high quality.

    Args:
      samples: Points [N, D].
      centres: The means [K, D] of the Gaussians.
      sigma: Their standard deviation in every direction.
      seed: Seed of the draws that give the floor of the KL; see `classes.modes`.

    Raises:
      ValueError: The shapes aren't [N, D] and [K, D].
      FloatingPointError: A sample isn't finite.
    """
    samples, centres = rows(samples, "samples").astype(np.float64), np.asarray(centres, np.float64)
    if not len(samples) or samples.shape[1:] != centres.shape[1:]:
        raise UserError(f"samples [N, D], centres [K, D] are needed, not {list(samples.shape)}, {list(centres.shape)}")
    apart = cdist(samples, centres)
    labels = apart.argmin(1)
    good = apart.min(1) <= 3 * sigma
    return Mixture(len(np.unique(labels[good])), float(good.mean()), modes(labels, len(centres), seed=seed))


def wasserstein(x: ArrayLike, y: ArrayLike) -> float:
    """Compute W₁ between two sets of samples under the Euclidean distance, exactly, by the best assignment.

    Two sets from one distribution aren't at 0: report that floor beside it.

    Args:
      x: Points [N, D]. The time grows with N³; 2,000 take seconds.
      y: As many points [N, D].

    Returns:
      The mean distance of assigned pairs, in the units of the points.

    Raises:
      ValueError: The shapes differ or aren't [N, D].
      FloatingPointError: A point isn't finite.
    """
    x, y = rows(x, "samples").astype(np.float64), rows(y, "samples").astype(np.float64)
    if x.shape != y.shape or not len(x):
        raise UserError(f"two sets of as many samples [N, D] are needed, not {list(x.shape)} and {list(y.shape)}")
    apart = cdist(x, y)
    return float(apart[linear_sum_assignment(apart)].mean())
