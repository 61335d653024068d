import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import stft

from gan_jax.metrics.mel import QUIETEST, log_mel, triangles

RATE = 16_000


def tone(hertz: float, level: float = 1.0, length: int = 8192) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(length) / RATE)).astype(np.float32)


@pytest.mark.parametrize("hertz", [250, 1000, 4000])
def test_a_tone_is_loudest_in_its_own_band_all_along(hertz):
    corners = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + RATE / 2 / 700), 66) / 2595) - 1)
    nearest = np.abs(corners[1:-1] - hertz).argmin()
    loudness = np.asarray(log_mel(tone(hertz)))
    assert loudness.shape == (32, 64)
    assert (np.abs(loudness[2:-2].argmax(1) - nearest) <= 1).all()
    assert -3 < loudness[2:-2].max() < 3


def test_a_tenth_of_the_amplitude_is_20_decibels_less_and_silence_the_quietest():
    loud, quiet = (log_mel(tone(1000, level))[8:-8].max() for level in (1.0, 0.1))
    np.testing.assert_allclose(loud - quiet, 20, atol=1e-3)
    assert (log_mel(jnp.zeros(8192)) == QUIETEST).all()


def test_a_click_is_seen_in_the_frames_that_reach_it_alone():
    click = np.zeros(8192, np.float32)
    click[256 * 10 + 128] = 1  # the middle of frame 10
    heard = np.flatnonzero(np.asarray(log_mel(click)).max(1) > QUIETEST)
    assert heard.tolist() == [9, 10, 11]  # those two hops away have it at their windows' ends, which are 0


def test_it_is_scipys_transform_through_the_triangles():
    x = np.random.default_rng(0).normal(size=(2, 4096)).astype(np.float32)
    padded = np.pad(x, ((0, 0), (384, 384)))
    _, _, z = stft(padded, RATE, "hann", 1024, 768, boundary=None, padded=False)  # scaled by the window's sum
    power = np.einsum("bft,mf->btm", np.abs(2 * z) ** 2, triangles(RATE, 1024, 64))
    np.testing.assert_allclose(log_mel(x), 10 * np.log10(power), atol=1e-3)


def test_triangles_are_librosas():
    librosa = pytest.importorskip("librosa", reason="needs librosa")
    theirs = librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=64, htk=True, norm=None)
    np.testing.assert_allclose(triangles(RATE, 1024, 64), theirs, atol=1e-5)


def test_every_frequency_is_heard_by_neighbouring_triangles_that_sum_to_one():
    sums = triangles(RATE, 1024, 64).sum(0)
    frequencies = np.linspace(0, RATE / 2, 513)
    inner = (frequencies > 40) & (frequencies < 7500)
    np.testing.assert_allclose(sums[inner], 1, atol=1e-6)
