"""The log-mel spectrogram: loudness over time and pitch, roughly as an ear resolves them."""

import jax
import jax.numpy as jnp
import numpy as np

FRAME, HOP, BANDS = 1024, 256, 64
QUIETEST = -70.0  # decibels; anything quieter counts as this


def log_mel(x: jax.Array, *, rate: int = 16_000, frame: int = FRAME, hop: int = HOP, bands: int = BANDS) -> jax.Array:
    """Compute the log-mel spectrogram of sounds.

    It is the squared magnitude of the short-time Fourier transform with Hann windows, summed over triangles evenly
    spaced in mel. The sound is padded with silence, so that the middle of frame i is at sample (i + ½) hop.

    Args:
      x: Sounds [..., T] in [-1, 1].
      rate: Samples per second.
      frame: Samples in a window.
      hop: Samples from one window to the next.
      bands: The number of triangles.

    Returns:
      Decibels [..., T / hop, bands], from QUIETEST to about 0, the level of a full-scale sine in its band.
    """
    around = (frame - hop) // 2
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(around, frame - hop - around)])
    window = np.hanning(frame + 1)[:-1].reshape(*[1] * x.ndim, frame)
    places = hop * np.arange(x.shape[-1] // hop)[:, None] + np.arange(frame)
    spectrum = jnp.fft.rfft(padded[..., places] * jnp.asarray(window / (window.sum() / 2), x.dtype))
    power = jnp.tensordot(jnp.abs(spectrum) ** 2, jnp.asarray(triangles(rate, frame, bands).T, x.dtype), 1)
    return 10 * jnp.log10(jnp.maximum(power, 10 ** (QUIETEST / 10)))


def triangles(rate: int, frame: int, bands: int) -> np.ndarray:
    """The filters [bands, frame / 2 + 1]: triangles of height 1, each reaching to the middles of its neighbours.

    A frequency of f hertz is 2595 log10(1 + f / 700) mel. O'Shaughnessy 1987, p. 150.
    """
    top = 2595 * np.log10(1 + rate / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    low, middle, high = (corners[first : first + bands, None] for first in range(3))
    frequencies = np.linspace(0, rate / 2, frame // 2 + 1)
    return np.maximum(0, np.minimum((frequencies - low) / (middle - low), (high - frequencies) / (high - middle)))
