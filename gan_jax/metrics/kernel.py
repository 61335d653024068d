"""The kernel distance: KID, if the features are Inception's. Bińkowski et al. 2018."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import UserError
from gan_jax.metrics.checked import rows


class KernelDistance(NamedTuple):
    """The squared MMD over subsets.

    Attributes:
      mean: The mean over subsets.
      deviation: The standard deviation among subsets.
      standard_error: The standard error of the mean.
    """

    mean: float
    deviation: float
    standard_error: float


def kernel_distance(
    real: ArrayLike, fake: ArrayLike, *, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> KernelDistance:
    """Compute the squared MMD of features, averaged over pairs of random subsets.

    It is unbiased, so it is negative half the time if both sets are from one distribution; clipping would bias it.
    Subsets overlap unless they are few, so the standard error tells how well the mean over subsets of these samples is
    known, not how other samples would vary.

    Args:
      real: Features [N, D].
      fake: Features [M, D].
      subsets: The number of pairs of subsets, two or more.
      subset_size: Samples in each subset, drawn without replacement.
      seed: Seed of the subsets.

    Raises:
      ValueError: The features differ in dimension, or there are fewer samples than a subset takes.
      FloatingPointError: A feature isn't finite.

    Bińkowski et al. 2018.
    """
    real, fake = rows(real).astype(np.float64), rows(fake).astype(np.float64)
    if real.shape[1] != fake.shape[1]:
        raise UserError(f"features must be [N, D] and [M, D], not {list(real.shape)} and {list(fake.shape)}")
    if not 2 <= subset_size <= min(len(real), len(fake)):
        raise UserError(f"subsets of {subset_size} from {len(real)} real and {len(fake)} fake: from 2 to the fewer")
    if subsets < 2:
        raise UserError(f"{subsets} subsets: a standard error needs two or more")
    rng = np.random.default_rng(seed)
    values = [
        squared_mmd(
            real[rng.choice(len(real), subset_size, replace=False)],
            fake[rng.choice(len(fake), subset_size, replace=False)],
        )
        for _ in range(subsets)
    ]
    deviation = float(np.std(values, ddof=1))
    return KernelDistance(float(np.mean(values)), deviation, deviation / np.sqrt(subsets))


def squared_mmd(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """The unbiased estimate from x [N, D] and y [M, D]. Gretton et al. 2012, eq. 3."""
    within_x, within_y, across = polynomial(x, x), polynomial(y, y), polynomial(x, y)
    return float(mean_off_diagonal(within_x) + mean_off_diagonal(within_y) - 2 * across.mean())


def polynomial(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """(x·y / D + 1)³ of all pairs. Bińkowski et al. 2018, section 4.1."""
    base = x @ y.T / x.shape[1] + 1
    return base * base * base  # NumPy's ** 3 takes six times as long


def mean_off_diagonal(gram: NDArray[np.float64]) -> float:
    """The mean of a square matrix without its diagonal."""
    return (gram.sum() - np.trace(gram)) / (len(gram) * (len(gram) - 1))
