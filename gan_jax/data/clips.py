"""A folder of the user's own clips, cut into windows of as many frames as the networks see."""

import os
import pathlib
from collections.abc import Iterator

import numpy as np

from gan_jax.data.folder import bombs_are_errors, find, keep_readable
from gan_jax.data.images import square
from gan_jax.data.source import Source, digest, on_device

ANIMATED = {".gif", ".webp", ".apng"}  # by Pillow
FILMED = {".mp4", ".m4v", ".webm", ".avi", ".mov", ".mkv"}  # by PyAV

LONGEST = 16  # frames that one picture may last, lest a last one that stands for minutes be most of the data


def clips(
    path: str | os.PathLike,
    *,
    size: int,
    frames: int = 16,
    channels: int = 3,
    stride: int | None = None,
    limit: int = 2**30,
) -> Source:
    """Every clip below `path`, in order of its name, each frame cropped to the middle square and resized.

    frames: of an example, following one another as they do in the file; what they leave at a clip's end is left out.
    channels: 1 for grey, 3 for RGB.
    stride: frames from the start of one example to that of the next; by default none is in two.
    limit: bytes of pixels that may live on the device.
    Clips that can't be read or have too few frames are skipped, and a warning counts them.

    Raises:
      FileNotFoundError: no such folder.
      ValueError: no clip is left, or they are more than `limit`; or one needs PyAV, which isn't installed.
    """
    stride = frames if stride is None else stride
    if channels not in (1, 3) or min(size, frames, stride) < 1:
        raise ValueError(
            f"{frames} frames of size {size} with {channels} channels, stride {stride}: want 1 or more, and 1 or 3 "
            "channels"
        )
    root = pathlib.Path(path).expanduser()
    files = find(root, ANIMATED | FILMED, "clips")
    useful: list[bool] = []
    examples: list[np.ndarray] = []
    for file in files:
        clip = read(file, size, channels)
        useful.append(clip is not None and len(clip) >= frames)
        examples += [] if clip is None else windows(clip, frames, stride)
        if (taken := sum(example.nbytes for example in examples)) > limit:
            raise ValueError(
                f"{root}: up to {file.name} {len(examples)} examples take {taken:,} bytes, over {limit:,}: take fewer "
                "clips, or a larger stride"
            )
    keep_readable(root, files, useful, "clips", f"can't be read or have fewer than {frames} frames")
    x = np.stack(examples)
    shape = "x".join(map(str, x.shape[1:]))
    return on_device(x, name=f"clips {root.name}, {len(x)} of {shape}, sha256 {digest(x.data)}")


def read(file: pathlib.Path, size: int, channels: int) -> np.ndarray | None:
    """[frames, size, size, channels] uint8; None if it can't be read to its end."""
    frames = filmed(file) if file.suffix.lower() in FILMED else animated(file)
    try:
        with bombs_are_errors():
            return np.stack([square(frame, size, channels) for frame in frames])
    except ModuleNotFoundError as error:
        raise ValueError(f"{file}: reading it needs PyAV: pip install 'gan-jax[video]'") from error
    except Exception:  # a broken file can raise anything
        return None


def animated(file: pathlib.Path) -> Iterator:
    from PIL import Image, ImageSequence

    with Image.open(file) as image:
        frames = [(frame.copy(), frame.info.get("duration", 0)) for frame in ImageSequence.Iterator(image)]
    shortest = min((duration for _, duration in frames if duration > 0), default=1)
    for frame, duration in frames:  # writers merge frames that are alike into one that is shown longer
        yield from [frame] * min(max(1, round(duration / shortest)), LONGEST)


def filmed(file: pathlib.Path) -> Iterator:
    import av

    with av.open(file) as container:
        for frame in container.decode(video=0):
            yield frame.to_image()


def windows(clip: np.ndarray, frames: int, stride: int) -> list[np.ndarray]:
    return [clip[first : first + frames] for first in range(0, len(clip) - frames + 1, stride)]
