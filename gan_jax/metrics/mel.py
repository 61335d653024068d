"""What an ear resolves of a sound: loudness by time and pitch."""

import jax
import jax.numpy as jnp
import numpy as np

FRAME, HOP, BANDS = 1024, 256, 64
QUIETEST = -70.0  # decibels; what is quieter counts as this


def log_mel(x: jax.Array, *, rate: int = 16_000, frame: int = FRAME, hop: int = HOP, bands: int = BANDS) -> jax.Array:
    """Sounds [..., T] -> decibels [..., T / hop, bands], from QUIETEST to about 0, which a full sine has in its band.

    The squared magnitude of the short-time Fourier transform by Hann windows, summed over triangles that are evenly
    spaced in mel. The sound is surrounded by silence, so that frame i has its middle at sample (i + ½) hop.
    """
    around = (frame - hop) // 2
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(around, frame - hop - around)])
    window = np.hanning(frame + 1)[:-1].reshape(*[1] * x.ndim, frame)
    places = hop * np.arange(x.shape[-1] // hop)[:, None] + np.arange(frame)
    spectrum = jnp.fft.rfft(padded[..., places] * jnp.asarray(window / (window.sum() / 2), x.dtype))
    power = jnp.tensordot(jnp.abs(spectrum) ** 2, jnp.asarray(triangles(rate, frame, bands).T, x.dtype), 1)
    return 10 * jnp.log10(jnp.maximum(power, 10 ** (QUIETEST / 10)))


def triangles(rate: int, frame: int, bands: int) -> np.ndarray:
    """The filters [bands, frame / 2 + 1]: of height 1, each reaching to the middles of its neighbours.

    Mel is 2595 log10(1 + f / 700) of f in hertz. O'Shaughnessy 1987, p. 150.
    """
    top = 2595 * np.log10(1 + rate / 2 / 700)
    corners = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    low, middle, high = (corners[first : first + bands, None] for first in range(3))
    frequencies = np.linspace(0, rate / 2, frame // 2 + 1)
    return np.maximum(0, np.minimum((frequencies - low) / (middle - low), (high - frequencies) / (high - middle)))
