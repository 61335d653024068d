"""Sounds as audio files, and as pictures of waveforms over spectrograms."""

import math
import wave
from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from gan_jax.metrics.mel import QUIETEST, log_mel
from gan_jax.types import View
from gan_jax.views.image import grid, write

WAVEFORM = 32  # pixels of height
COLUMN = 2  # pixels of width for each step of a spectrogram
FEW = 16  # sounds: up to so many are drawn at twice the size
GAP = 0.2  # seconds between consecutive sounds


def sounds(rate: int = 16_000) -> View:
    """Make the view of sounds [T, 1] in [-1, 1].

    Args:
      rate: Samples per second.

    Returns:
      A view that writes PNG pictures, and WAV and FLAC files of 16 bits.
    """
    write_one, write_all, write_pictures = to_wav(rate), in_a_row(rate), pictures(rate)

    def write_rows(rows: np.ndarray, path: Path) -> None:
        write_pictures(rows.reshape(-1, *rows.shape[2:]), path, rows.shape[1])

    return View(
        together={".png": write_pictures, ".wav": write_all},
        single={".wav": write_one, ".flac": to_flac(rate)},
        walks={".png": write_rows, ".wav": lambda walks, path: write_all(walks.reshape(-1, *walks.shape[2:]), path)},
        rows=write_rows,
        recipe={"kind": "sounds", "rate": rate},
    )


def pictures(rate: int) -> Callable[..., None]:
    """Writes sounds [N, T, 1] as a grid in reading order, each a waveform over a log-mel spectrogram.

    The grid is nearly square by default. Time goes right, and pitch up from 0 to half the rate; lighter is louder, over
    a range of 70 dB.
    """

    def write_pictures(sounds: np.ndarray, path: Path, columns: int | None = None) -> None:
        loudness = np.asarray(log_mel(jnp.asarray(sounds[..., 0], jnp.float32), rate=rate))
        cells = np.stack([np.concatenate([waveform(x[:, 0], y), spectrogram(y)]) for x, y in zip(sounds, loudness)])
        factor = 2 if len(cells) <= FEW else 1
        columns = math.ceil(math.sqrt(len(cells))) if columns is None else columns
        write(grid(cells.repeat(factor, 1).repeat(factor, 2), columns), path)

    return write_pictures


def waveform(sound: np.ndarray, loudness: np.ndarray) -> np.ndarray:
    """A sound [T] as dark columns from its lowest to its highest sample on light grey, as wide as its spectrogram."""
    width = COLUMN * len(loudness)
    parts = np.array_split(np.clip(sound, -1, 1), width)
    middle = (WAVEFORM - 1) / 2
    top, bottom = (np.round(middle * (1 - np.array([side(part) for part in parts]))) for side in (np.max, np.min))
    rows = np.arange(WAVEFORM)[:, None]
    pixels = np.full((WAVEFORM, width, 3), 235, np.uint8)
    pixels[(rows >= top) & (rows <= bottom)] = (40, 60, 110)
    return pixels


def spectrogram(loudness: np.ndarray) -> np.ndarray:
    """Decibels [steps, bands] as colours, the lowest band at the bottom."""
    from matplotlib import colormaps

    shade = np.round(255 * np.clip(1 - loudness / QUIETEST, 0, 1)).astype(np.uint8)
    return colormaps["magma"](shade.T[::-1].repeat(COLUMN, 1), bytes=True)[..., :3]


def in_a_row(rate: int) -> Callable[[np.ndarray, Path], None]:
    """Writes sounds [N, T, 1] one after the other, with a short silence after each."""

    def write_in_a_row(sounds: np.ndarray, path: Path) -> None:
        silence = np.zeros((len(sounds), round(GAP * rate), 1))
        to_wav(rate)(np.concatenate([sounds, silence], 1).reshape(-1, 1), path)

    return write_in_a_row


def to_wav(rate: int) -> Callable[[np.ndarray, Path], None]:
    """Writes one sound [T, 1] in [-1, 1] as WAV of 16 bits."""

    def write_wav(sound: np.ndarray, path: Path) -> None:
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, rate, len(sound), "NONE", "not compressed"))
            file.writeframes(to_int16(sound).astype("<i2").tobytes())

    return write_wav


def to_flac(rate: int) -> Callable[[np.ndarray, Path], None]:
    """Writes one sound [T, 1] in [-1, 1] as FLAC of 16 bits."""

    def write_flac(sound: np.ndarray, path: Path) -> None:
        import soundfile

        soundfile.write(path, to_int16(sound), rate, format="FLAC")

    return write_flac


def to_int16(sound: np.ndarray) -> np.ndarray:
    return np.clip(np.round(np.asarray(sound, np.float32) * 32_768), -32_768, 32_767).astype(np.int16)
