"""Samples beside pictures of their conditions."""

from pathlib import Path

import numpy as np

from gan_jax.types import View
from gan_jax.views.image import images, write_grid


def beside(pictures: np.ndarray) -> View:
    """Make the view of images in which each sample is to the right of a picture of its condition.

    Single files and walks hold samples alone.

    Args:
      pictures: Images [N, h, w, c] in [-1, 1], grey or as the samples, shown in the samples' size. Sample i is beside
        picture i mod N. If a source's conditions are images, they are in its `held_out`.
    """

    def write(samples: np.ndarray, path: Path) -> None:
        _, height, width, channels = samples.shape
        chosen = pictures[np.arange(len(samples)) % len(pictures)]
        row, column = (np.arange(size) * old // size for size, old in zip((height, width), chosen.shape[1:]))
        resized = np.broadcast_to(chosen[:, row][:, :, column], (*samples.shape[:3], channels))
        write_grid(np.concatenate([resized, samples], axis=2), path)

    return images._replace(together={".png": write})
