"""Films, frame by frame, as a player shows them."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gan_jax.data.found import Unusable
from gan_jax.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".3gp", ".3g2", ".mkv", ".webm", ".avi", ".divx", ".mpg", ".mpeg", ".m2v", ".vob", ".ts"),
    *(".mts", ".m2ts", ".wmv", ".asf", ".flv", ".f4v", ".ogv", ".ogm", ".mxf", ".mjpeg"),
)
MOST = 20  # the largest ratio of a pixel's width to its height, or of its height to its width
MISSING = 0.25  # seconds by which a film may end before the time in its header


def check_av(files: Sequence[Path]) -> None:
    """Raises ValueError if one is a film, and PyAV isn't installed."""
    films = [file for file in files if file.suffix.lower() in SUFFIXES]
    try:
        if films:
            import av  # noqa: F401
    except ModuleNotFoundError as error:
        raise UserError(f"{films[0]}: reading it needs PyAV: pip install 'gan-jax[video]'") from error


def frames_of(file: Path) -> Iterator["Image"]:
    """Yields the frames, upright and with square pixels.

    Raises:
      Unusable: The file isn't a film, or is broken.
    """
    import av

    if not file.stat().st_size:
        raise Unusable("is empty")
    try:
        with av.open(file) as container:
            if not container.streams.video:
                raise Unusable("holds no pictures")
            stream = container.streams.video[0]
            frame = None
            for frame in container.decode(stream):
                yield picture(frame, float(stream.sample_aspect_ratio or 0) or 1.0)
            if frame is None or frame.is_corrupt or ends_early(frame, stream, container):
                raise Unusable("is cut short")
    except av.error.InvalidDataError as error:
        raise Unusable("is cut short or damaged, or no film") from error


def picture(frame: Any, aspect: float) -> "Image":
    """A frame as shown, where `aspect` is the width of its pixels over their height."""
    from PIL import Image

    if not 1 / MOST <= aspect <= MOST:
        raise Unusable(f"has pixels {aspect:g} times as wide as high")
    image = frame.to_image()
    if aspect != 1:  # one side grows, and none shrinks
        wide, high = max(aspect, 1), max(1 / aspect, 1)
        image = image.resize((round(image.width * wide), round(image.height * high)), Image.Resampling.BICUBIC)
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return image if matrix is None else Image.fromarray(turned(np.asarray(image), np.frombuffer(matrix, np.int32)))


def turned(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Turns an image [H, W, C] by a display matrix [9], to the nearest quarter turn.

    The matrix begins with a, b, _, c, d: the pixel in column x and row y is shown in column a x + c y + ... and row
    b x + d y + ...
    """
    a, b, _, c, d = matrix[:5].tolist()
    if abs(b) > abs(a):
        image, a, d = image.swapaxes(0, 1), c, b
    return np.ascontiguousarray(image[:: -1 if d < 0 else 1, :: -1 if a < 0 else 1])


def ends_early(last: Any, stream: Any, container: Any) -> bool:
    """Whether Matroska's header promises more. In other formats PyAV notices a cut, or nothing can."""
    length = stream.metadata.get("DURATION", "")
    if match := re.match(r"(\d+):(\d+):(\d+\.?\d*)", length):
        promised = 3600 * int(match[1]) + 60 * int(match[2]) + float(match[3])
    elif container.duration and len(container.streams) == 1:  # else it may be another stream's
        promised = container.duration / 1e6
    else:
        return False
    if "matroska" not in container.format.name or last.time is None:
        return False
    frame = 1 / (float(stream.average_rate or 0) or 1.0)
    return promised - last.time > frame + max(MISSING, 2 * frame)
