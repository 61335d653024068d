"""How often characters follow one another: n-grams of lines, and how far two texts' frequencies lie apart."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gan_jax.errors import UserError


class Ngrams(NamedTuple):
    """The different n-grams [K], each as one number, in order; and how often each occurs [K]."""

    grams: NDArray[np.int64]
    counts: NDArray[np.int64]


def ngrams(tokens: ArrayLike, n: int) -> Ngrams:
    """Those at all L - n + 1 places of every line [N, L] of characters, which are numbers from 0 to 255; n up to 7."""
    tokens = np.asarray(tokens)
    if tokens.ndim != 2 or not 1 <= n <= min(7, tokens.shape[1]):
        raise UserError(f"{n}-grams of lines {list(tokens.shape)}: lines are [N, L], and n from 1 to L and to 7")
    places = tokens.shape[1] - n + 1
    grams = np.zeros((len(tokens), places), np.int64)
    for shift in range(n):
        grams = grams * 256 + tokens[:, shift : shift + places]
    return Ngrams(*np.unique(grams, return_counts=True))


def jensen_shannon(p: Ngrams, q: Ngrams) -> float:
    """½ KL(p ‖ m) + ½ KL(q ‖ m) with m = (p + q) / 2, in bits: 0 of equal frequencies, 1 of texts that share no n-gram.

    Lin 1991, eq. 4.1; of characters, as in Gulrajani et al. 2017's gan_language.py. It isn't 0 of two small samples of
    one text: print that floor beside it.
    """
    grams = np.union1d(p.grams, q.grams)
    both = np.zeros((2, len(grams)))
    for row, one in zip(both, (p, q)):
        row[np.searchsorted(grams, one.grams)] = one.counts / one.counts.sum()
    mean = np.broadcast_to(both.mean(0), both.shape)
    there = both > 0
    return max(0.0, float(np.sum(both[there] * np.log2(both[there] / mean[there])) / 2))  # rounding may lie below
