"""Views of samples that are pictures: grids of images, and clouds of points."""

import math
from pathlib import Path

import numpy as np

from gan_jax.types import View

MARGIN = 2  # pixels between the images of a grid
READABLE = 56  # pixels: smaller images are enlarged by a whole factor


def write_grid(images: np.ndarray, path: Path) -> None:
    """Writes images [N, H, W, C] in [-1, 1], C being 1 or 3, as one nearly square grid in reading order."""
    count, height, width, channels = images.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    step_y, step_x = height + MARGIN, width + MARGIN
    grid = np.full((rows * step_y - MARGIN, columns * step_x - MARGIN, channels), 255, np.uint8)
    for place, image in enumerate(to_uint8(images)):
        y, x = (place // columns) * step_y, (place % columns) * step_x
        grid[y : y + height, x : x + width] = image
    write(grid.repeat(factor := max(1, READABLE // height), 0).repeat(factor, 1), path)


def write_image(image: np.ndarray, path: Path) -> None:
    """Writes one image [H, W, C] in [-1, 1], pixel for pixel."""
    write(to_uint8(image), path)


def to_uint8(images: np.ndarray) -> np.ndarray:
    return np.clip(np.round((np.asarray(images, np.float32) + 1) * 127.5), 0, 255).astype(np.uint8)


def write(pixels: np.ndarray, path: Path) -> None:
    from PIL import Image

    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(path)


def write_scatter(points: np.ndarray, path: Path) -> None:
    """Writes points [N, 2] as dots on a plane from -2 to 2."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.scatter(points[:, 0], points[:, 1], s=4, alpha=0.5, linewidths=0)
    axes.set(xlim=(-2, 2), ylim=(-2, 2), aspect="equal")
    figure.savefig(path, dpi=120, metadata={"Software": None})


def write_point(point: np.ndarray, path: Path) -> None:
    """Writes one point [2] as a line of comma-separated coordinates."""
    np.savetxt(path, point[None], fmt="%.6g", delimiter=",")


images = View(write_grid, write_image, ".png")
points = View(write_scatter, write_point, ".csv")
