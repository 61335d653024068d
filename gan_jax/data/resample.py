"""Resampling of sound, whole or one part at a time, by a polyphase filter."""

import functools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

REACH = 10  # of the filter to each side, in samples of the lower rate, as in SciPy


def resampled(x: np.ndarray, rate: int, to: int) -> np.ndarray:
    """Resamples x [T] from one rate to another: [ceil(T to / rate)]."""
    from scipy.signal import resample_poly

    up, down = ratio(rate, to)
    return x if rate == to else resample_poly(x, up, down, window=kernel(up, down))


def part(read: Callable[[int, int], np.ndarray], first: int, count: int, rate: int, to: int) -> np.ndarray:
    """Up to `count` samples, from `first` on, of the whole sound at another rate.

    `read` returns the samples of the sound from one index up to another, or to its end.
    """
    up, down = ratio(rate, to)
    reach = REACH * max(up, down) * (rate != to)
    start = max((first * down - reach) // (up * down), 0) * down  # where both rates have a sample at the same time
    stop = ((first + count - 1) * down + reach) // up + 1
    before = start // down * up
    return resampled(read(start, stop), rate, to)[first - before :][:count]


def ratio(rate: int, to: int) -> tuple[int, int]:
    """`to` over `rate` in lowest terms."""
    common = math.gcd(rate, to)
    return to // common, rate // common


@functools.lru_cache(maxsize=8)
def kernel(up: int, down: int) -> NDArray[np.float32]:
    """SciPy's default filter, which SciPy would recompute each time."""
    from scipy.signal import firwin

    slower = max(up, down)
    return firwin(2 * REACH * slower + 1, 1 / slower, window=("kaiser", 5.0)).astype(np.float32)
