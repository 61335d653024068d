"""A folder of the user's own clips, cut into windows of as many frames as the networks see."""

import contextlib
import os
import re
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gan_jax.data.folders import films
from gan_jax.data.folders.find import below, check_some, find, notes, read_each
from gan_jax.data.folders.image_files import endings, large_images_are_read, opened
from gan_jax.data.found import Found, Unusable, counted
from gan_jax.data.memory import blank, remembered
from gan_jax.data.source import Source, described, image_example, on_device
from gan_jax.data.square import square
from gan_jax.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

ANIMATED = (".gif", ".apng", ".avifs")
AT_TIMES = (".webp", ".png", ".avif", ".tif", ".tiff")  # animated, or a still
LONGEST = 16  # frames that one picture may last: the last one may last minutes, and would dominate the data


@remembered(Source)
@large_images_are_read()
def clips(
    path: str | os.PathLike,
    *,
    size: int,
    frames: int = 16,
    channels: int = 3,
    stride: int | None = None,
    limit: int = 2**30,
) -> Source:
    """Load every clip below a folder, in order of name, each frame cropped to the middle square and resized.

    A clip is a film, an animated image, or stills in one folder whose names differ only in a number at the end, in
    order of these numbers. If numbers are missing, a warning says so, and the stills on both sides are neighbours.
    Frames are read as a player shows them, upright and with square pixels, and in the order of the file, whatever the
    time between them. Single stills, clips of too few frames and broken ones are skipped, and `found` says why; a film
    that is cut exactly between frames can't always be detected.

    Args:
      path: The folder.
      size: The side of the squares, in pixels.
      frames: Frames in an example; a remainder at a clip's end is dropped.
      channels: 1 for grey, 3 for RGB.
      stride: Frames from the start of one example to the start of the next; by default examples don't overlap.
      limit: Bytes of pixels that may live on the device.

    Returns:
      A source of clips [frames, size, size, channels] in [-1, 1].

    Raises:
      FileNotFoundError: There is no such folder.
      ValueError: No clip is usable, they take more than `limit`, or one needs PyAV, which isn't installed.
    """
    stride = frames if stride is None else stride
    if channels not in (1, 3) or min(size, frames, stride) < 1:
        raise UserError(
            f"{frames} frames of size {size} with {channels} channels, stride {stride}: want 1 or more, and 1 or 3 "
            "channels"
        )
    if source := blank(image_example((frames, size, size, channels), labelled=False)):
        return source
    listing = find(Path(path).expanduser(), [*ANIMATED, *films.SUFFIXES, *AT_TIMES, *endings()], "clips")
    root = listing.root
    films.check_av(listing.files)
    taken: list[int] = []

    def read(clip: Clip) -> list[np.ndarray]:
        if sum(taken) > limit:
            return []  # all is refused below
        pictures = np.stack([square(frame, size, channels) for frame in clip.pictures()])
        if len(pictures) < frames:
            raise Unusable(f"has {counted(len(pictures), 'frames')}, {frames} wanted")
        found = windows(pictures, frames, stride)
        taken.append(sum(window.nbytes for window in found))
        return found

    used, examples, skipped = read_each(clips_of(listing.files), read, lambda clip: below(root, clip.name))
    if sum(taken) > limit:
        raise UserError(f"{root}: its clips take more than {limit:,} bytes: take fewer, or a larger stride")
    check_some(listing, used, skipped, "clips")
    warn_of_gaps(root, used)
    x = np.concatenate(examples)
    used_line = f"{counted(len(x), 'windows')} of {counted(frames, 'frames')} from {counted(len(used), 'clips')}"
    found = Found(used_line, (*listing.skipped, *skipped), listing.ignored)
    return on_device(x, name=described(x, "clips"))._replace(found=found.announced(root))


class Clip(NamedTuple):
    """A film, an animated image, or numbered images."""

    files: Sequence[Path]

    @property
    def name(self) -> Path:
        """The file's name, or the part that the images' names share, as clip1/frame*.png."""
        first = self.files[0]
        return first if len(self.files) == 1 else first.with_name(numbered(first)[0] + first.suffix)

    def pictures(self) -> Iterator["Image"]:
        first, suffix = self.files[0], self.files[0].suffix.lower()
        if suffix in films.SUFFIXES:
            return films.frames_of(first)
        return animated(first) if len(self.files) == 1 and suffix in ANIMATED + AT_TIMES else stills(self.files)


def clips_of(files: Sequence[Path]) -> list[Clip]:
    """Groups files into clips, in order of name."""

    def kind(file: Path) -> tuple[Path, str, str]:
        shared, number = numbered(file)
        alone = file.suffix.lower() in films.SUFFIXES + ANIMATED or number is None or is_animated(file)
        return file.parent, file.name if alone else shared, "" if alone else file.suffix

    def place(file: Path) -> tuple[int, str]:
        return numbered(file)[1] or 0, file.name

    kinds = {file: kind(file) for file in files}
    kind_of = kinds.__getitem__
    return [Clip(sorted(some, key=place)) for _, some in groupby(sorted(files, key=kind_of), kind_of)]


def numbered(file: Path) -> tuple[str, int | None]:
    """The name without its ending, with a star for the number at its end, and the number; also of frame (7).png."""
    match = re.fullmatch(r"(.*?)([0-9]+)(\)?)", file.stem, re.DOTALL)
    return (f"{match[1]}*{match[3]}", int(match[2])) if match else (file.stem, None)


def is_animated(file: Path) -> bool:
    if file.suffix.lower() not in AT_TIMES:
        return False
    with contextlib.suppress(Unusable, OSError), opened(file) as image:
        return getattr(image, "is_animated", False)
    return False


def warn_of_gaps(root: Path, used: Sequence[Clip]) -> None:
    if lacking := [f"{below(root, clip.name)} {gap}" for clip in used if (gap := gap_of(clip))]:
        notes.warning("%s: %d of %d clips lack numbers, and the frames around are taken for neighbours: %s",
                      root, len(lacking), len(used), lacking[0] + " ..." * (len(lacking) > 1))  # fmt: skip


def gap_of(clip: Clip) -> str:
    """The first place where numbers are further apart than elsewhere in the clip."""
    steps = list(pairwise(sorted({numbered(file)[1] or 0 for file in clip.files})))
    usual = min((after - before for before, after in steps), default=0)
    return next((f"between {before} and {after}" for before, after in steps if after - before > usual), "")


def stills(files: Sequence[Path]) -> Iterator["Image"]:
    for file in files:
        try:
            with opened(file) as image:
                image.load()
                yield image
        except Unusable as error:
            raise Unusable(f"has a frame, {file.name}, that {error}" if len(files) > 1 else str(error)) from error


def animated(file: Path) -> Iterator["Image"]:
    from PIL import ImageSequence

    with opened(file) as image:
        frames = [(frame.copy(), frame.info.get("duration", 0)) for frame in ImageSequence.Iterator(image)]
    shortest = min((duration for _, duration in frames if duration > 0), default=1)
    for frame, duration in frames:  # writers merge equal frames into one that lasts longer
        yield from [frame] * min(max(1, round(duration / shortest)), LONGEST)


def windows(clip: np.ndarray, frames: int, stride: int) -> list[np.ndarray]:
    return [clip[first : first + frames] for first in range(0, len(clip) - frames + 1, stride)]
