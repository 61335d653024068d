"""Checks of the arrays that metrics take."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import NotFinite, UserError


def rows(values: ArrayLike, what: str = "features") -> NDArray:
    """Convert values to an array [N, D] of finite real numbers.

    Args:
      values: Numbers [N, D].
      what: The name of the values in errors.

    Raises:
      ValueError: The shape isn't [N, D], or the numbers are complex.
      FloatingPointError: One isn't finite.
    """
    found = np.asarray(values)
    if found.ndim != 2:
        raise UserError(f"{what} must be [N, D], not {list(found.shape)}")
    if np.iscomplexobj(found):
        raise UserError(f"{what} must be real numbers, not {found.dtype}: use real and imaginary parts as columns")
    if not np.isfinite(extremes(found)).all():
        raise NotFinite(f"{what} hold NaN or infinity: a figure of them would mean nothing")
    return found


def extremes(values: NDArray) -> list[float]:
    """The smallest and the largest value, or NaN if there is one, without copying."""
    return [float(values.min(initial=0)), float(values.max(initial=0))]
