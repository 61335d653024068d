"""Frames as films: animated GIFs and MP4 files."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gan_jax.errors import UserError

if TYPE_CHECKING:
    from PIL.Image import Image

REPEATABLE = {"threads": "1", "x264-params": "mbtree=0"}  # with mbtree, one small film in 400 has other bytes


def write_gif(frames: Sequence[np.ndarray], path: Path, milliseconds: int) -> None:
    """Writes pixels [H, W, C] as an animated GIF that repeats."""
    first, *others = [as_image(frame) for frame in frames]
    first.save(path, save_all=True, append_images=others, duration=milliseconds, loop=0, optimize=False)


def write_mp4(frames: Sequence[np.ndarray], path: Path, rate: int) -> None:
    """Writes pixels [H, W, C] as H.264 in YUV 4:2:0, which every browser plays; an odd side loses its last pixel.

    With one version of PyAV the same frames give the same bytes.

    Args:
      frames: The frames.
      path: The file.
      rate: Frames a second.

    Raises:
      ValueError: PyAV isn't installed.
    """
    try:
        import av
    except ModuleNotFoundError as error:
        raise UserError("writing MP4 needs PyAV: pip install 'gan-jax[video]'") from error

    height, width = (side - side % 2 for side in frames[0].shape[:2])
    with av.open(path, "w", options={"fflags": "+bitexact", "movflags": "+faststart"}) as file:
        stream = file.add_stream("libx264", rate=rate, options=REPEATABLE | {"crf": "18"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        pictures = (np.broadcast_to(frame[:height, :width], (height, width, 3)) for frame in frames)
        encoded = (av.VideoFrame.from_ndarray(np.ascontiguousarray(picture)) for picture in pictures)
        for frame in itertools.chain(encoded, [None]):  # None: what the encoder still holds
            file.mux(stream.encode(frame))


def as_image(pixels: np.ndarray) -> "Image":
    import PIL.Image

    return PIL.Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
