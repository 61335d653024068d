"""Memorisation and repetition: the nearest training examples of samples, and samples that are one another's copies."""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_jax.metrics.distances import among_themselves, by_rows


def nearest(samples: ArrayLike, training: ArrayLike, *, k: int = 1) -> tuple[NDArray, NDArray]:
    """The numbers of each sample's k nearest training examples, and their distances: both [N, k], nearest first."""
    samples, training = np.asarray(samples), np.asarray(training)
    if not 1 <= k <= len(training):
        raise ValueError(f"k {k}: from 1 to the {len(training)} training examples")
    which = by_rows(lambda apart: jax.lax.top_k(-apart, k)[1], samples, training)
    return which, np.linalg.norm(samples[:, None] - training[which], axis=-1)  # exact where a copy is: 0


def duplicates(samples: ArrayLike, distance: float) -> float:
    """The share of samples [N, D] that have another one within `distance`."""
    samples = np.asarray(samples)
    if len(samples) < 2:
        raise ValueError(f"duplicates among {len(samples)} samples: there must be two or more")
    others = samples[among_themselves(lambda apart: jnp.argmin(apart, 1), samples)]
    return float(np.mean(np.linalg.norm(samples - others, axis=1) <= distance))
