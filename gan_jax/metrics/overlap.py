"""How far sets of shapes overlap: intersection over union."""

import numpy as np
from numpy.typing import NDArray

from gan_jax.errors import UserError


def jaccard_distances(x: NDArray[np.bool_], y: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Compute ``1 - |a ∩ b| / |a ∪ b|`` for each row a of x and b of y; two empty sets are at distance 0.

    All intersections are one product, exact in float32 up to 2^24 elements.

    Args:
      x: Sets [N, D], as the elements that they contain.
      y: Sets [M, D].

    Returns:
      Distances [N, M]; a metric on sets.

    Raises:
      ValueError: The numbers of elements differ, or exceed 2^24.

    Jaccard 1901.
    """
    if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1] or x.shape[1] > 2**24:
        raise UserError(f"shapes must be [N, D] and [M, D] with D up to 2^24, not {list(x.shape)} and {list(y.shape)}")
    both = (x.astype(np.float32) @ y.astype(np.float32).T).astype(np.float64)
    either = x.sum(1)[:, None] + y.sum(1) - both
    return 1 - np.where(either > 0, both, 1) / np.maximum(either, 1)
