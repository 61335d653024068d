"""Character n-grams of lines, and the divergence between the frequencies of two texts."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import UserError


class Ngrams(NamedTuple):
    """The n-grams of a text.

    Attributes:
      grams: The distinct n-grams [K], each as one number, in order.
      counts: How often each occurs [K].
    """

    grams: NDArray[np.int64]
    counts: NDArray[np.int64]


def ngrams(tokens: ArrayLike, n: int) -> Ngrams:
    """Count the n-grams at all L - n + 1 places of every line.

    Args:
      tokens: Lines [N, L] of characters as numbers from 0 to 255.
      n: The length of an n-gram, from 1 to 7.

    Raises:
      ValueError: The lines aren't [N, L], or n is out of range.
    """
    tokens = np.asarray(tokens)
    if tokens.ndim != 2 or not 1 <= n <= min(7, tokens.shape[1]):
        raise UserError(f"{n}-grams of lines {list(tokens.shape)}: lines are [N, L], and n from 1 to L and to 7")
    places = tokens.shape[1] - n + 1
    grams = np.zeros((len(tokens), places), np.int64)
    for shift in range(n):
        grams = grams * 256 + tokens[:, shift : shift + places]
    return Ngrams(*np.unique(grams, return_counts=True))


def jensen_shannon(p: Ngrams, q: Ngrams) -> float:
    """Compute ½ KL(p ‖ m) + ½ KL(q ‖ m) with m = (p + q) / 2, in bits.

    It is 0 for equal frequencies and 1 for texts that share no n-gram. It isn't 0 for two small samples of one text:
    report that floor beside it.

    Lin 1991, eq. 4.1; for characters, as in Gulrajani et al. 2017's gan_language.py.
    """
    grams = np.union1d(p.grams, q.grams)
    both = np.zeros((2, len(grams)))
    for row, one in zip(both, (p, q)):
        row[np.searchsorted(grams, one.grams)] = one.counts / one.counts.sum()
    mean = np.broadcast_to(both.mean(0), both.shape)
    there = both > 0
    return max(0.0, float(np.sum(both[there] * np.log2(both[there] / mean[there])) / 2))  # rounding may lie below
