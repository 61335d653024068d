"""n-grams are those that one reads, and the divergence is SciPy's."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import jensenshannon

from gan_jax.metrics.ngrams import Ngrams, jensen_shannon, ngrams

LINES = arrays(np.uint8, st.tuples(st.integers(1, 5), st.just(6)), elements=st.integers(0, 255))


@given(LINES, st.integers(1, 6))
def test_ngrams_are_counted_within_lines(tokens, n):
    found = ngrams(tokens, n)
    expected = Counter(line[i : i + n].tobytes() for line in tokens for i in range(6 - n + 1))
    assert dict(zip((int(gram).to_bytes(n, "big") for gram in found.grams), found.counts.tolist())) == expected


@given(LINES, LINES)
def test_the_divergence_is_scipys_squared_in_bits(a, b):
    p, q = (np.bincount(tokens.ravel(), minlength=256) for tokens in (a, b))
    found = jensen_shannon(ngrams(a, 1), ngrams(b, 1))
    np.testing.assert_allclose(found, jensenshannon(p, q, base=2) ** 2, atol=1e-9)


def test_the_divergence_of_half_the_mass_in_closed_form():
    one, two = Ngrams(np.array([3]), np.array([7])), Ngrams(np.array([3, 9]), np.array([2, 2]))
    # m = (3/4, 1/4): ½ log₂ 4/3 + ½ (½ log₂ 2/3 + ½ log₂ 2)
    np.testing.assert_allclose(jensen_shannon(one, two), (np.log2(4 / 3) + np.log2(2 / 3) / 2 + 0.5) / 2)


def test_it_is_0_of_equal_frequencies_and_1_of_texts_that_share_nothing():
    a, b = np.array([[1, 2, 3]]), np.array([[4, 5, 6]])
    assert jensen_shannon(ngrams(a, 2), ngrams(np.repeat(a, 3, 0), 2)) == pytest.approx(0, abs=1e-12)
    assert jensen_shannon(ngrams(a, 2), ngrams(b, 2)) == pytest.approx(1)


def test_it_is_never_below_0():
    rng = np.random.default_rng(0)
    for counts in rng.integers(10**15, 10**16, (99, 20)):
        near = Ngrams(np.arange(20), counts + rng.integers(0, 2, 20))
        assert jensen_shannon(Ngrams(np.arange(20), counts), near) >= 0


def test_what_has_no_such_ngrams_is_refused():
    with pytest.raises(ValueError, match=r"4-grams of lines \[2, 3\]: lines are \[N, L\], and n from 1 to L and to 7"):
        ngrams(np.zeros((2, 3), np.uint8), 4)
