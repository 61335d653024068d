"""A folder of the user's own sounds."""

import math
import os
import pathlib
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.folder import class_names, find, keep_readable
from gan_jax.data.source import Source, described, digest, on_device
from gan_jax.data.stream import streamed
from gan_jax.types import Array, Batch

SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff"}
SILENT = 32  # of 32,768: -60 dB
ENDLESS = 2**40  # frames: what an encoder writes that didn't know the length
SLOWEST, FASTEST = 1000, 400_000  # samples a second: beyond, a header is broken, and resampling by it takes gigabytes


def sounds(
    path: str | os.PathLike,
    *,
    rate: int = 16_000,
    length: int = 16_384,
    labels: bool = False,
    limit: int = 2**30,
) -> Source:
    """Every sound below `path`, in order of its name: mono samples [length, 1] in [-1, 1], as loud as they are.

    A file is cut into clips of `length` samples, each an example. What is left at its end is one too, with zeros behind
    it, where it fills half a clip or is all that there is.

    rate: samples a second, which files of other rates are resampled to.
    labels: whether the folders directly in `path` are the classes, in order of their names.
    limit: bytes of samples (16 bits each) that may live on the device; more are read as they are needed.
    Clips that can't be read or hold no sound above -60 dB are skipped, and a warning counts them; of those that are
    read as needed only the headers are looked at before.
    """
    if rate < 1 or length < 1:
        raise ValueError(f"no sounds of {length} samples at {rate} a second: both must be 1 or more")
    root = pathlib.Path(path).expanduser()
    files = find(root, SUFFIXES, "sounds")
    names = class_names(root, files) if labels else []

    def label(clip: Clip) -> int | None:
        return names.index(clip.file.relative_to(root).parts[0]) if labels else None

    counts = [count_clips(file, rate, length) for file in files]
    if 2 * length * sum(counts) <= limit:
        clips = [Clip(file, number) for file, count in zip(files, counts) for number in range(max(count, 1))]
        read = read_all(clips, rate, length)
        clips = keep_readable(root, clips, [x is not None for x in read], "sounds", "can't be read or are silent")
        stored = np.stack([x for x in read if x is not None])
        given = np.array([label(clip) for clip in clips]) if labels else None
        name = f"folder {root.name}, {described(stored, 'sounds')}, at {rate} Hz"
        return on_device(stored, given, classes=len(names), name=name, decode=to_float)

    def decode(clip: Clip) -> Batch:
        return Batch(read_clip(clip, rate, length), label(clip))

    files = keep_readable(root, files, [count > 0 for count in counts], "sounds")
    clips = [Clip(file, number) for file in files for number in range(count_clips(file, rate, length))]
    listed = "\n".join(f"{file.relative_to(root)} {file.stat().st_size}" for file in files)
    name = f"folder {root.name}, {len(clips)} sounds of {length} at {rate} Hz, sha256 of names and sizes"
    source = streamed(clips, decode, sound_example(length, labelled=labels), classes=len(names), on_device=to_float)
    return source._replace(name=f"{name} {digest(listed.encode())}")


class Clip(NamedTuple):
    """A part of a file, from 0."""

    file: pathlib.Path
    number: int

    def __str__(self) -> str:
        return f"{self.file}, clip {self.number}" if self.number else str(self.file)


def count_clips(file: pathlib.Path, rate: int, length: int) -> int:
    """The clips in a file, by its header; 0 if that can't be read, or says what can't be."""
    import soundfile

    try:
        info = soundfile.info(file)
    except Exception:  # a broken file can raise anything
        return 0
    if info.frames >= ENDLESS or not SLOWEST <= info.samplerate <= FASTEST:
        return 0
    return max(1, math.floor(info.frames * rate / info.samplerate / length + 0.5)) if info.frames else 0


def read_all(clips: list[Clip], rate: int, length: int) -> list[np.ndarray | None]:
    """int16 [length, 1] each; None of what can't be read, or is silent."""

    def try_read(clip: Clip) -> np.ndarray | None:
        try:
            x = read_clip(clip, rate, length)
        except Exception:  # a broken file can raise anything
            return None
        return x if np.abs(x.astype(int)).max() > SILENT else None

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # libsndfile decodes without the GIL
        return list(pool.map(try_read, clips))


def read_clip(clip: Clip, rate: int, length: int) -> np.ndarray:
    """int16 [length, 1]."""
    import soundfile

    with soundfile.SoundFile(clip.file) as file:
        seconds = length / rate
        file.seek(round(clip.number * seconds * file.samplerate))
        x = file.read(math.ceil(seconds * file.samplerate), dtype="float32", always_2d=True).mean(1)
        if not np.isfinite(x).all():
            raise ValueError("samples that aren't finite")
        return to_int16(fitted(resampled(x, file.samplerate, rate), length))[:, None]


def resampled(x: np.ndarray, rate: int, to: int) -> np.ndarray:
    """x [T] of one rate at another, by a polyphase filter."""
    from scipy.signal import resample_poly

    common = math.gcd(rate, to)
    return x if rate == to else resample_poly(x, to // common, rate // common)


def fitted(x: np.ndarray, length: int) -> np.ndarray:
    """x [T, ...] cut or filled with zeros behind to [length, ...]."""
    x = x[:length]
    return np.pad(x, [(0, length - len(x)), *[(0, 0)] * (x.ndim - 1)])


def to_int16(x: np.ndarray) -> np.ndarray:
    """[-1, 1] -> 16 bits."""
    return np.clip(np.round(x * 32_768), -32_768, 32_767).astype(np.int16)


def to_float(x: Array) -> Array:
    """16 bits -> float32 in [-1, 1]."""
    return x.astype(jnp.float32) / 32_768


def sound_example(length: int, *, labelled: bool) -> Batch:
    """The example of a Source of sounds [length, 1]."""
    label = jax.ShapeDtypeStruct((), jnp.int32) if labelled else None
    return Batch(jax.ShapeDtypeStruct((length, 1), jnp.float32), label)
