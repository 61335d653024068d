"""Clips as strips of frames, and as films, single or side by side."""

import itertools
import math
from pathlib import Path

import numpy as np

from gan_jax.errors import UserError
from gan_jax.types import View
from gan_jax.views.image import enlarged, grid, to_uint8, write, write_gif

RATE = 10  # frames a second
READABLE = 128  # pixels: in films, smaller clips are enlarged by a whole factor


def write_strips(clips: np.ndarray, path: Path) -> None:
    """Writes clips [N, frames, H, W, C] in [-1, 1] as a picture, one clip in each row."""
    write_rows(clips[:, None], path)


def write_rows(rows: np.ndarray, path: Path) -> None:
    """Writes clips [rows, columns, frames, H, W, C] as a picture with these rows and columns, each frame by frame."""
    columns, frames, *shape = rows.shape[1:]
    write(enlarged(grid(to_uint8(rows.reshape(-1, *shape)), columns * frames), shape[0]), path)


def write_films(clips: np.ndarray, path: Path) -> None:
    """Writes clips [N, frames, H, W, C] as a repeating animated GIF that plays them side by side."""
    write_gif(side_by_side(clips), path, 1000 // RATE)


def write_videos(clips: np.ndarray, path: Path) -> None:
    """Writes clips [N, frames, H, W, C] as one video that plays them side by side."""
    write_mp4(side_by_side(clips), path)


def write_strip(clip: np.ndarray, path: Path) -> None:
    write_strips(clip[None], path)


def write_film(clip: np.ndarray, path: Path) -> None:
    write_films(clip[None], path)


def write_video(clip: np.ndarray, path: Path) -> None:
    write_videos(clip[None], path)


def write_walks(walks: np.ndarray, path: Path) -> None:
    """Writes clips [walks, steps, frames, H, W, C] as an animated GIF, one walk in each row."""
    clips = walks.reshape(-1, *walks.shape[2:])
    write_gif(side_by_side(clips, walks.shape[1]), path, 1000 // RATE)


def side_by_side(clips: np.ndarray, columns: int | None = None) -> list[np.ndarray]:
    """The frames of a film of all clips [N, frames, H, W, C], in a grid that is nearly square by default."""
    columns = math.ceil(math.sqrt(len(clips))) if columns is None else columns
    return [enlarged(grid(frame, columns), frame.shape[1], READABLE) for frame in to_uint8(clips).swapaxes(0, 1)]


def write_mp4(frames: list[np.ndarray], path: Path) -> None:
    """Writes pixels [H, W, C] as H.264 in YUV 4:2:0, which every browser plays; an odd side loses its last pixel.

    With one version of PyAV the same frames give the same bytes.

    Raises:
      ValueError: PyAV isn't installed.
    """
    try:
        import av
    except ModuleNotFoundError as error:
        raise UserError(f"{path}: writing MP4 needs PyAV: pip install 'gan-jax[video]'") from error

    height, width = (side - side % 2 for side in frames[0].shape[:2])
    with av.open(path, "w", options={"fflags": "+bitexact", "movflags": "+faststart"}) as file:
        stream = file.add_stream("libx264", rate=RATE, options={"crf": "18", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        pictures = (np.broadcast_to(frame[:height, :width], (height, width, 3)) for frame in frames)
        encoded = (av.VideoFrame.from_ndarray(np.ascontiguousarray(picture)) for picture in pictures)
        for frame in itertools.chain(encoded, [None]):  # None: what the encoder still holds
            file.mux(stream.encode(frame))


videos = View(
    together={".png": write_strips, ".gif": write_films, ".mp4": write_videos},
    single={".gif": write_film, ".mp4": write_video, ".png": write_strip},
    walks={".png": write_rows, ".gif": write_walks},
    rows=write_rows,
    recipe={"kind": "videos"},
)
"""The view of clips [frames, H, W, C] in [-1, 1]: PNG strips, animated GIFs and MP4 files."""
