"""Clips as strips of frames, and as films, single or side by side."""

import math
from pathlib import Path

import numpy as np

from gan_jax.types import View
from gan_jax.views.films import write_gif, write_mp4
from gan_jax.views.image import enlarged, grid, to_uint8, write

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
    write_mp4(side_by_side(clips), path, RATE)


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


def write_walks_as_video(walks: np.ndarray, path: Path) -> None:
    """Writes clips [walks, steps, frames, H, W, C] as one video, one walk in each row."""
    clips = walks.reshape(-1, *walks.shape[2:])
    write_mp4(side_by_side(clips, walks.shape[1]), path, RATE)


def side_by_side(clips: np.ndarray, columns: int | None = None) -> list[np.ndarray]:
    """The frames of a film of all clips [N, frames, H, W, C], in a grid that is nearly square by default."""
    columns = math.ceil(math.sqrt(len(clips))) if columns is None else columns
    return [enlarged(grid(frame, columns), frame.shape[1], READABLE) for frame in to_uint8(clips).swapaxes(0, 1)]


videos = View(
    together={".png": write_strips, ".gif": write_films, ".mp4": write_videos},
    single={".gif": write_film, ".mp4": write_video, ".png": write_strip},
    walks={".png": write_rows, ".gif": write_walks, ".mp4": write_walks_as_video},
    rows=write_rows,
    recipe={"kind": "videos"},
)
"""The view of clips [frames, H, W, C] in [-1, 1]: PNG strips, animated GIFs and MP4 files."""
