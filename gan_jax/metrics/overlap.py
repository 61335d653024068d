"""How far sets of shapes overlap: intersection over union."""

import numpy as np
from numpy.typing import NDArray

from gan_jax.errors import UserError


def jaccard_distances(x: NDArray[np.bool_], y: NDArray[np.bool_]) -> NDArray[np.float64]:
    """1 - |a ∩ b| / |a ∪ b| of each a of x [N, D] and b of y [M, D]: [N, M]. Two that are empty are alike, at 0.

    Jaccard 1901; a metric on sets. All intersections are one product, exact in float32 below 2^24 elements.

    Raises:
      ValueError: sets of different or too many elements.
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or x.shape[1] > 2**24:
        raise UserError(f"shapes are [N, D] and [M, D], D up to 2^24, these are {list(x.shape)} and {list(y.shape)}")
    both = (x.astype(np.float32) @ y.astype(np.float32).T).astype(np.float64)
    either = x.sum(1)[:, None] + y.sum(1) - both
    return 1 - np.where(either > 0, both, 1) / np.maximum(either, 1)
