"""How clips move: figures of each clip that need no network, and the distances between their distributions."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_jax.errors import UserError


class Motion(NamedTuple):
    """Figures [N] of each clip.

    Attributes:
      change: The mean absolute difference of a pixel between consecutive frames.
      speed: The mean step of the centre of light between consecutive frames, as a fraction of the frame's side.
      unsteadiness: The standard deviation of these steps within the clip, in the same unit. It is 0 for a still
        picture, and for one thing that moves at a constant speed, except in the frames in which it bounces.
    """

    change: NDArray
    speed: NDArray
    unsteadiness: NDArray


def motion(clips: NDArray) -> Motion:
    """Compute how each clip moves.

    Args:
      clips: Clips [N, frames, H, W, C] of two frames or more, from -1 (dark) to 1.

    Raises:
      ValueError: The shape is another.
    """
    if clips.ndim != 5 or clips.shape[1] < 2:
        raise UserError(f"clips must be [N, 2 or more frames, H, W, C], not {list(clips.shape)}")
    change = np.abs(np.diff(clips, axis=1)).mean((1, 2, 3, 4), dtype=np.float64)
    steps = np.linalg.norm(np.diff(centres(clips), axis=1), axis=-1)
    return Motion(change, steps.mean(1), steps.std(1))


def centres(clips: NDArray) -> NDArray:
    """The centre of light [N, frames, 2] of each frame, (row, column) from 0 to 1; the middle if the frame is dark."""
    light = np.clip(clips.mean(-1, dtype=np.float64) + 1, 0, None)
    rows, columns = (light.sum(axis) for axis in (3, 2))  # [N, frames, H] and [N, frames, W]
    whole = light.sum((2, 3))
    along = [
        (part * (np.arange(part.shape[-1]) + 0.5) / part.shape[-1]).sum(-1) / np.where(whole > 0, whole, 1)
        for part in (rows, columns)
    ]
    return np.where(whole[..., None] > 0, np.stack(along, -1), 0.5)


def distances(real: Motion, fake: Motion) -> Motion:
    """Compute W₁ between the real and the fake distribution of each figure, in its own unit."""
    from scipy.stats import wasserstein_distance

    return Motion(*(wasserstein_distance(*pair) for pair in zip(real, fake)))
