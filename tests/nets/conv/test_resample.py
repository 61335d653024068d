"""Upsampling, filtering and downsampling against SciPy's, and its own transpose."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.ndimage
import scipy.signal
from lax_convolutions import normal

from gan_jax.nets.conv import downsample, smooth, upfirdn, upsample

# sides, taps, up, down, padding
CASES = [
    ((9,), (1, 3, 3, 1), 1, 1, (2, 1)),
    ((8,), (1, 3, 3, 1), 2, 1, (2, 1)),
    ((8,), (1, 3, 3, 1), 1, 2, (1, 1)),
    ((7, 6), (1, 2, 4), 3, 1, (0, 0)),
    ((7, 6), (1, 2, 4), 1, 3, (5, -2)),
    ((5, 8), (1, 2, 4, 8, 16), 3, 2, (4, 3)),
    ((5, 8), (1, 2), 4, 3, (-3, 2)),  # more phases than taps
    ((4, 3, 5), (1, 3, 3, 1), 2, 1, (2, 1)),
    ((6,), (2,), 1, 1, (0, 0)),
]
each_case = pytest.mark.parametrize(("sides", "taps", "up", "down", "padding"), CASES)


def padded(x, up, padding, axis):
    """Upsampled by zeros, padded or cropped."""
    n = x.shape[axis] * up
    z = np.zeros([n if a == axis else side for a, side in enumerate(x.shape)])
    z[tuple(slice(None, None, up) if a == axis else slice(None) for a in range(x.ndim))] = x
    low, high = padding
    widths = [(max(low, 0), max(high, 0)) if a == axis else (0, 0) for a in range(x.ndim)]
    z = np.pad(z, widths)
    ends = slice(max(-low, 0), z.shape[axis] - max(-high, 0))
    return z[tuple(ends if a == axis else slice(None) for a in range(x.ndim))]


def by_scipy(x, taps, up, down, padding):
    for axis in range(1, x.ndim - 1):
        z = padded(x, up, padding, axis)
        y = scipy.signal.upfirdn(taps, z, axis=axis)  # all overlaps: those of the whole filter are kept
        ends = slice(len(taps) - 1, z.shape[axis], down)
        x = y[tuple(ends if a == axis else slice(None) for a in range(x.ndim))]
    return x


@each_case
def test_it_is_scipys(sides, taps, up, down, padding):
    x = normal(0, (2, *sides, 3))
    y = jax.jit(functools.partial(upfirdn, taps=taps, up=up, down=down, padding=padding))(x)
    expected = by_scipy(np.asarray(x, np.float64), taps, up, down, padding)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(("taps", "up", "down", "padding"), [case[1:] for case in CASES])
def test_its_transpose_is_itself_with_up_and_down_exchanged_and_the_taps_reversed(taps, up, down, padding):
    x = normal(0, (2, 9, 3))
    y, transpose = jax.vjp(functools.partial(upfirdn, taps=taps, up=up, down=down, padding=padding), x)
    g = normal(1, y.shape)
    low = len(taps) - 1 - padding[0]
    high = len(taps) - 1 - low + up * (9 - 1) + 1 - down * g.shape[1]  # as many values as x has
    expected = upfirdn(g, taps[::-1], up=down, down=up, padding=(low, high))
    np.testing.assert_allclose(transpose(g)[0], expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("taps", [(1, 3, 3, 1), (1, 2, 1), (1, 1), (1, 5, 10, 10, 5, 1)])
@pytest.mark.parametrize("factor", [2, 3])
def test_what_is_constant_stays_so_away_from_the_ends(taps, factor):
    x = jnp.ones((1, 12, 12, 2))
    large, small = upsample(x, factor, taps), downsample(x, factor, taps)
    assert large.shape == (1, 12 * factor, 12 * factor, 2)
    assert small.shape == (1, 12 // factor, 12 // factor, 2)
    inside = slice(2 * factor + 1, -2 * factor - 1)
    if taps != (1, 2, 1) and factor == 2:  # every phase of the others has the same sum
        np.testing.assert_allclose(large[:, inside, inside], 1, rtol=1e-6)
    np.testing.assert_allclose(small[:, 1:-1, 1:-1], 1, rtol=1e-6)


@pytest.mark.parametrize("factor", [2, 4])
def test_upsampling_by_equal_taps_repeats_pixels_and_downsampling_takes_their_mean(factor):
    x = normal(0, (2, 8, 8, 3))
    repeated = jnp.repeat(jnp.repeat(x, factor, 1), factor, 2)
    np.testing.assert_allclose(upsample(x, factor, [1] * factor), repeated, rtol=1e-6)
    means = x.reshape(2, 8 // factor, factor, 8 // factor, factor, 3).mean((2, 4))
    np.testing.assert_allclose(downsample(x, factor, [1] * factor), means, rtol=1e-5, atol=1e-6)


def test_a_ramp_is_upsampled_to_a_finer_one_in_place():
    """Pixel centres stay where they are: an image isn't shifted."""
    x = jnp.arange(16.0).reshape(1, 16, 1)
    expected = (jnp.arange(32.0) + 0.5) / 2 - 0.5
    np.testing.assert_allclose(upsample(x)[0, 4:-4, 0], expected[4:-4], rtol=1e-6)
    np.testing.assert_allclose(downsample(x)[0, 1:-1, 0], jnp.arange(8.0)[1:-1] * 2 + 0.5, rtol=1e-6)


def test_smoothing_is_scipys_with_repeated_edges():
    x, taps = normal(0, (2, 7, 6, 3)), np.array([1.0, 4.0, 2.0])
    expected = np.asarray(x, np.float64)
    for axis in (1, 2):
        expected = scipy.ndimage.convolve1d(expected, taps / 7, axis=axis, mode="nearest")
    np.testing.assert_allclose(smooth(x, taps), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(smooth(x, [3.0]), x)


def test_smoothing_by_1_2_1_keeps_constants_and_removes_a_checkerboard():
    constant, board = jnp.full((1, 8, 8, 1), 0.7), (-1.0) ** np.indices((8, 8)).sum(0)[None, :, :, None]
    np.testing.assert_allclose(smooth(constant, (1, 2, 1)), constant, rtol=1e-6)
    np.testing.assert_array_equal(smooth(jnp.asarray(board), (1, 2, 1))[:, 1:-1, 1:-1], 0)


def test_smoothing_by_an_even_number_of_taps_is_refused():
    with pytest.raises(ValueError, match=r"taps \[1, 3, 3, 1\]: want an odd number"):
        smooth(jnp.zeros((1, 8, 1)), (1, 3, 3, 1))


def test_bfloat16_stays_bfloat16():
    assert upsample(jnp.ones((1, 4, 4, 1), jnp.bfloat16)).dtype == jnp.bfloat16


def test_a_filter_longer_than_the_padded_axis_is_refused():
    with pytest.raises(ValueError, match="4 taps is longer than axis 2"):
        upfirdn(jnp.zeros((1, 8, 3, 1)), (1, 3, 3, 1))
