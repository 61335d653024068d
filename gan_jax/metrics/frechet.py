"""The Fréchet distance between two Gaussians fitted to features: FID, if the features are Inception's.

Heusel et al. 2017, eq. 6. Means and covariances accumulate batch by batch in float64, so memory doesn't grow with the
number of samples, and the order of batches changes only rounding.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import UserError
from gan_jax.metrics.checked import rows

Matrix = NDArray[np.float64]


class Moments(NamedTuple):
    """The number of features, their mean, and their scatter.

    Attributes:
      n: The number of features.
      mean: Their mean [D].
      scatter: Σ (x - mean)(x - mean)ᵀ [D, D].
    """

    n: int
    mean: Matrix
    scatter: Matrix

    @property
    def covariance(self) -> Matrix:
        """The unbiased estimate, as the reference's `numpy.cov`."""
        return self.scatter / (self.n - 1)


def moments(batches: Iterable[ArrayLike]) -> Moments:
    """Compute the moments of all features of batches [B, D], in float64.

    Raises:
      ValueError: The features aren't [B, D], are complex, or are fewer than two.
      FloatingPointError: A feature isn't finite.
    """
    total = None
    for batch in batches:
        part = moments_of_batch(rows(batch).astype(np.float64))
        total = part if total is None else merge(total, part)
    if total is None or total.n < 2:
        raise UserError(f"a covariance needs two samples or more, there are {total.n if total else 0}")
    return total


def moments_of_batch(features: Matrix) -> Moments:
    """The moments of features [B, D]; B may be 0."""
    if not len(features):
        return Moments(0, np.zeros(features.shape[1]), np.zeros((features.shape[1],) * 2))
    mean = features.mean(0)
    centred = features - mean
    return Moments(len(features), mean, centred.T @ centred)


def merge(a: Moments, b: Moments) -> Moments:
    """The moments of two parts together. Chan, Golub & LeVeque 1979, eq. 2.1."""
    n = a.n + b.n
    apart = b.mean - a.mean
    return Moments(
        n,
        a.mean + apart * (b.n / max(n, 1)),
        a.scatter + b.scatter + np.outer(apart, apart) * (a.n * b.n / max(n, 1)),
    )


def frechet_distance(a: Moments, b: Moments) -> float:
    """Compute ‖μ_a - μ_b‖² + tr(Σ_a + Σ_b - 2 (Σ_a Σ_b)^½), in squared units of the features.

    The last trace is the sum of the singular values of Σ_a^½ Σ_b^½. It is real, and exact where a covariance is
    singular, which is always so with fewer samples than features. Negative results, from rounding, become 0.

    Args:
      a: The moments of one set of features, from `moments`.
      b: Those of the other set.

    Raises:
      ValueError: The features differ in dimension.

    Heusel et al. 2017, eq. 6.
    """
    if a.mean.shape != b.mean.shape:
        raise UserError(f"features of {len(a.mean)} and {len(b.mean)} dimensions can't be compared")
    cross = np.linalg.svd(root(a.covariance) @ root(b.covariance), compute_uv=False).sum()
    apart = a.mean - b.mean
    return max(0.0, float(apart @ apart + np.trace(a.covariance) + np.trace(b.covariance) - 2 * cross))


def root(covariance: Matrix) -> Matrix:
    """The symmetric square root. Eigenvalues within rounding of 0 become 0, since their roots wouldn't be small."""
    values, vectors = np.linalg.eigh(covariance)
    rounding = len(values) * np.finfo(np.float64).eps * max(values[-1], 0.0)
    return (vectors * np.sqrt(np.where(values > rounding, values, 0.0))) @ vectors.T
