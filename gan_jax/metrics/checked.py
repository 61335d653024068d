"""What every metric asks of what it's given."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import NotFinite, UserError


def rows(values: ArrayLike, what: str = "features") -> NDArray:
    """The values as an array [N, D] of real, finite numbers.

    Raises:
      ValueError: they aren't [N, D], or are complex.
      FloatingPointError: one isn't finite.
    """
    found = np.asarray(values)
    if found.ndim != 2:
        raise UserError(f"{what} are [N, D], these are {list(found.shape)}")
    if np.iscomplexobj(found):
        raise UserError(f"{what} are real numbers, these are {found.dtype}: take real and imaginary parts as columns")
    if not np.isfinite(extremes(found)).all():
        raise NotFinite(f"{what} hold NaN or infinity: a figure of them would mean nothing")
    return found


def extremes(values: NDArray) -> list[float]:
    """The smallest and the largest, without a copy of the values; NaN where one is."""
    return [float(values.min(initial=0)), float(values.max(initial=0))]
