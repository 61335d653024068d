"""Images as grids, as single files, and as films of walks between latent examples."""

import math
from pathlib import Path

import numpy as np

from gan_jax.types import View
from gan_jax.views.films import as_image, write_gif, write_mp4

MARGIN = 2  # pixels between the images of a grid
READABLE = 56  # pixels: smaller images are enlarged by a whole factor
FRAME = 60  # milliseconds of a film for each image


def write_grid(images: np.ndarray, path: Path) -> None:
    """Writes images [N, H, W, C] in [-1, 1], C being 1 or 3, as one nearly square grid in reading order."""
    write(enlarged(grid(to_uint8(images), math.ceil(math.sqrt(len(images)))), images.shape[1]), path)


def write_strips(walks: np.ndarray, path: Path) -> None:
    """Writes images [walks, frames, H, W, C] as a grid, one walk in each row."""
    images = walks.reshape(-1, *walks.shape[2:])
    write(enlarged(grid(to_uint8(images), walks.shape[1]), images.shape[1]), path)


def write_film(walks: np.ndarray, path: Path) -> None:
    """Writes images [walks, frames, H, W, C] as an animated GIF that plays one walk after the other and repeats."""
    write_gif(frames_of(walks), path, FRAME)


def write_video(walks: np.ndarray, path: Path) -> None:
    """Writes images [walks, frames, H, W, C] as an MP4 that plays one walk after the other."""
    write_mp4(frames_of(walks), path, 1000 // FRAME)


def frames_of(walks: np.ndarray) -> list[np.ndarray]:
    return [enlarged(image, len(image)) for image in to_uint8(walks.reshape(-1, *walks.shape[2:]))]


def write_image(image: np.ndarray, path: Path) -> None:
    """Writes one image [H, W, C] in [-1, 1], pixel for pixel."""
    write(to_uint8(image), path)


def grid(pixels: np.ndarray, columns: int) -> np.ndarray:
    """Arranges pixels [N, H, W, C] in reading order on white."""
    count, height, width, channels = pixels.shape
    rows = math.ceil(count / columns)
    step_y, step_x = height + MARGIN, width + MARGIN
    whole = np.full((rows * step_y - MARGIN, columns * step_x - MARGIN, channels), 255, np.uint8)
    for place, image in enumerate(pixels):
        y, x = (place // columns) * step_y, (place % columns) * step_x
        whole[y : y + height, x : x + width] = image
    return whole


def enlarged(pixels: np.ndarray, height: int, readable: int = READABLE) -> np.ndarray:
    """Enlarges by the whole factor that brings images of this height to `readable` pixels, or just below."""
    factor = max(1, readable // height)
    return pixels.repeat(factor, 0).repeat(factor, 1)


def to_uint8(images: np.ndarray) -> np.ndarray:
    return np.clip(np.round((np.asarray(images, np.float32) + 1) * 127.5), 0, 255).astype(np.uint8)


def write(pixels: np.ndarray, path: Path) -> None:
    as_image(pixels).save(path)


images = View(
    together={".png": write_grid},
    single={".png": write_image},
    walks={".png": write_strips, ".gif": write_film, ".mp4": write_video},
    rows=write_strips,
    recipe={"kind": "images"},
)
"""The view of images [H, W, C] in [-1, 1], grey or RGB: PNG files and grids, and animated GIFs of walks."""
