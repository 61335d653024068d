"""A folder of the user's own sounds."""

import contextlib
import math
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.folders.checked import check_each
from gan_jax.data.folders.find import below, check_in_folders, check_some, classes_of, find, notes, read_each
from gan_jax.data.folders.sound_files import SUFFIXES, mono, opened
from gan_jax.data.found import Found, Skipped, Unusable, counted
from gan_jax.data.memory import blank, remembered
from gan_jax.data.resample import part, ratio
from gan_jax.data.source import Source, described, on_device
from gan_jax.data.stream import names_and_sizes, streamed
from gan_jax.errors import UserError
from gan_jax.types import Array, Batch

if TYPE_CHECKING:
    from soundfile import SoundFile

SILENT = 32  # of 32,768: -60 dB
ESTIMATED = 0.01  # the relative error of an MP3's length, if it doesn't state it
LOUD = 1.1  # resampling and lossy coding bring loud recordings a little above 1
AT_ONCE = 2**20  # samples


@remembered(Source)
def sounds(
    path: str | os.PathLike,
    *,
    rate: int = 16_000,
    length: int = 16_384,
    labels: bool = False,
    limit: int = 2**30,
) -> Source:
    """Load every sound below a folder, in order of name, as mono clips, without changing the loudness.

    A file is resampled, then cut into clips of `length` samples, each an example. A remainder, padded with zeros, is
    one too if it fills half a clip or is the whole file. A file that exceeds ±1 is scaled by its peak. Files that can't
    be used are skipped, and so are clips without sound above -60 dB; `found` says why. A cut Ogg can't be detected.

    Args:
      path: The folder.
      rate: Samples per second; files of other rates are resampled.
      length: Samples in a clip.
      labels: Whether the folders directly in `path` are the classes, in order of name.
      limit: Bytes of samples (16 bits each) that may live on the device; more are read as needed. These are read once
        beforehand, and the user's cache folder remembers what was found.

    Returns:
      A source of sounds [length, 1] in [-1, 1].

    Raises:
      FileNotFoundError: There is no such folder.
      ValueError: No sound is usable, or one has no label.
    """
    if rate < 1 or length < 1:
        raise UserError(f"no sounds of {length} samples at {rate} a second: both must be 1 or more")
    example = sound_example(length, labelled=labels)
    if not labels and (source := blank(example)):  # the number of classes is in the folder
        return source
    listing = find(Path(path).expanduser(), SUFFIXES, "sounds")
    root = listing.root
    if labels:
        check_in_folders(listing)
    whole = 2 * length * sum(clips_promised(file, rate, length) for file in listing.files) <= limit
    if whole:
        files, examined, skipped = read_each(listing.files, lambda file: read(file, rate, length), partial(below, root))
        about = [sound for sound, _ in examined]
    else:
        files, known, skipped = check_each(
            root, listing.files, lambda file: read(file, rate, length)[0], by(rate, length)
        )
        about = [Sound(*sound) for sound in known]
    check_some(listing, files, skipped, "sounds")
    names, numbers = classes_of(listing, files, "sounds") if labels else ([], [])
    warn_of_loud(root, files, about)
    if whole:
        stored = np.concatenate([x[sound.clips] for sound, x in examined])
        given = np.repeat(numbers, [len(sound.clips) for sound in about]) if labels else None
        name = f"{described(stored, 'sounds', given)}, at {rate} Hz"
        source = on_device(stored, given, classes=len(names), name=name, decode=to_float)
    else:
        source = as_needed(root, files, about, numbers, rate, example, classes=len(names))
    used = f"{counted(source.size or 0, 'sounds', len(names))} from {counted(len(files), 'files')}"
    found = Found(used, (*listing.skipped, *skipped, *silent_clips(root, files, about)), listing.ignored)
    return source._replace(found=found.announced(root))


class Sound(NamedTuple):
    """The content of a file."""

    clips: list[int]  # the numbers of those that aren't silent
    total: int  # of its clips
    peak: float


class Clip(NamedTuple):
    """A part of a file, from 0."""

    file: Path
    number: int
    peak: float  # of the file

    def __str__(self) -> str:
        return f"{self.file}, clip {self.number + 1}" if self.number else str(self.file)


def as_needed(
    root: Path, files: list[Path], about: list[Sound], labels: list[int], rate: int, example: Batch, *, classes: int
) -> Source:
    """The source that reads clips as needed; `labels` are those of the files, [] if there are none."""
    label, length = dict(zip(files, labels)), example.x.shape[0]
    clips = [Clip(file, number, sound.peak) for file, sound in zip(files, about) for number in sound.clips]

    def decode(clip: Clip) -> Batch:
        return Batch(read_clip(clip, rate, length), label.get(clip.file))

    called = f"{len(clips)} sounds of {length} at {rate} Hz"
    name = f"{called}, sha256 of names and sizes {names_and_sizes(root, files, labels)}"
    return streamed(clips, decode, example, classes=classes, on_device=to_float)._replace(name=name)


def by(rate: int, length: int) -> str:
    """Everything that the findings in a file depend on."""
    import soundfile

    return f"sounds of {length} at {rate} Hz by libsndfile {soundfile.__libsndfile_version__}"


def warn_of_loud(root: Path, files: list[Path], about: list[Sound]) -> None:
    if loud := [below(root, file) for file, sound in zip(files, about) if sound.peak > LOUD]:
        highest = f"{max(sound.peak for sound in about):,.1f}"
        notes.warning("%s: %d of %d sounds go beyond ±1, up to %s, and are scaled by their peaks: %s",
                       root, len(loud), len(files), highest, loud[0] + " ..." * (len(loud) > 1))  # fmt: skip


def silent_clips(root: Path, files: list[Path], about: list[Sound]) -> Iterator[Skipped]:
    for file, sound in zip(files, about):
        for number in sorted(set(range(sound.total)).difference(sound.clips)):
            yield Skipped(f"{below(root, file)}, clip {number + 1}", "is silent")


def clips_promised(file: Path, rate: int, length: int) -> int:
    """The number of clips in a file by its header; 0 if that can't be read."""
    with contextlib.suppress(Exception), opened(file) as sound:  # a broken file can raise anything
        return count_clips(resampled_length(sound, rate), length)
    return 0


def count_clips(samples: int, length: int) -> int:
    return max(1, math.floor(samples / length + 0.5))


def read(file: Path, rate: int, length: int) -> tuple[Sound, np.ndarray]:
    """Reads a whole file, with its clips as int16 [N, length, 1].

    Raises:
      Unusable: The file is broken or silent.
    """
    with opened(file) as sound:
        total, channels = resampled_length(sound, rate), sound.channels
        parts = [
            part(partial(mono, sound), first, AT_ONCE, sound.samplerate, rate) for first in range(0, total, AT_ONCE)
        ]
    x = np.concatenate(parts)
    if len(x) < (1 - ESTIMATED) * total:
        raise Unusable(f"is cut short: {len(x):,} of {total:,} samples at {rate:,} a second")
    peak, count = float(np.abs(x).max()), count_clips(len(x), length)
    clips = to_int16(fitted(x / max(peak, 1.0), count * length)).reshape(count, length, 1)
    heard = np.flatnonzero(np.maximum(clips.max((1, 2)), -clips.min((1, 2)).astype(int)) > SILENT)
    if not heard.size:
        raise Unusable("is silent" + f" as the mean of its {channels} channels" * (channels > 1))
    return Sound(heard.tolist(), count, peak), clips


def read_clip(clip: Clip, rate: int, length: int) -> np.ndarray:
    """Reads one clip as int16 [length, 1]."""
    with opened(clip.file) as sound:
        x = part(partial(mono, sound), clip.number * length, length, sound.samplerate, rate)
    return to_int16(fitted(x / max(clip.peak, 1.0), length))[:, None]


def resampled_length(sound: "SoundFile", rate: int) -> int:
    up, down = ratio(sound.samplerate, rate)
    return -(-sound.frames * up // down)


def fitted(x: np.ndarray, length: int) -> np.ndarray:
    """Cuts x [T, ...], or pads it with zeros at the end, to [length, ...]."""
    x = x[:length]
    return np.pad(x, [(0, length - len(x)), *[(0, 0)] * (x.ndim - 1)])


def to_int16(x: np.ndarray) -> np.ndarray:
    """Converts [-1, 1] to 16 bits."""
    return np.clip(np.round(x * 32_768), -32_768, 32_767).astype(np.int16)


def to_float(x: Array) -> Array:
    """Converts 16 bits to float32 in [-1, 1]."""
    return x.astype(jnp.float32) / 32_768


def sound_example(length: int, *, labelled: bool) -> Batch:
    """The example of a Source of sounds [length, 1]."""
    label = jax.ShapeDtypeStruct((), jnp.int32) if labelled else None
    return Batch(jax.ShapeDtypeStruct((length, 1), jnp.float32), label)
