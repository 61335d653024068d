"""Sound files, read by libsndfile, and the reasons why one can't be used."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gan_jax.data.found import Unusable

if TYPE_CHECKING:
    from soundfile import SoundFile

SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".aifc", ".oga", ".mp2", ".wave", ".au", ".snd"),
    *(".caf", ".w64", ".rf64", ".voc"),
)
ENDLESS = 2**40  # frames: so many or more are written by an encoder that didn't know the length
UNKNOWN = 2**31 - 2**16  # bytes: likewise
SETTLING = 2**15  # samples read ahead: after a seek an MP3 lacks the bits that frames borrow from earlier ones
SLOWEST, FASTEST = 1000, 400_000  # samples per second: beyond, a header is broken, and resampling takes gigabytes


@contextlib.contextmanager
def opened(file: Path) -> "Iterator[SoundFile]":
    """Opens a file. Raises Unusable if it isn't a sound, or if reading it fails inside the context."""
    import soundfile

    size = file.stat().st_size
    if not size:
        raise Unusable("is empty")
    try:
        with file.open("rb") as stream, soundfile.SoundFile(stream) as sound:  # by name it takes only UTF-8
            check_header(sound, size)
            yield sound
    except soundfile.LibsndfileError as error:
        raise Unusable(f"isn't a sound, or is damaged ({error.error_string.rstrip('.')})") from error


def check_header(sound: "SoundFile", size: int) -> None:
    """Raises Unusable if the header doesn't fit a file of `size` bytes."""
    if sound.frames >= ENDLESS or not SLOWEST <= sound.samplerate <= FASTEST:
        raise Unusable(f"claims {sound.frames:,} samples at {sound.samplerate:,} a second")
    if not sound.frames:
        raise Unusable("holds no samples" if size < 10_000 else f"claims no samples, in {size:,} bytes")
    cut = re.search(r"(?:data|SSND|Data Size|[Rr]iff size|riff)\s*: (\d+) \(should be (\d+)\)", sound.extra_info)
    if cut and int(cut[2]) < int(cut[1]) < UNKNOWN:
        raise Unusable(f"is cut short: {int(cut[2]):,} of {int(cut[1]):,} bytes")


def mono(sound: "SoundFile", start: int, stop: int) -> np.ndarray:
    """The mean of the channels from one sample to another, or to the end: [T] float32."""
    ahead = min(start, SETTLING) if sound.format == "MP3" else 0
    sound.seek(start - ahead)
    x = sound.read(stop - start + ahead, dtype="float32", always_2d=True)[ahead:].mean(1)
    if not np.isfinite(x).all():
        raise Unusable("holds samples that aren't finite")
    return x
