"""How clips move: figures of each clip that need no network, and how far apart their distributions lie."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_jax.errors import UserError


class Motion(NamedTuple):
    """Of each clip [N].

    change: the mean absolute difference of a pixel from one frame to the next.
    speed: the mean length of a step of the centre of light from one frame to the next, in parts of the frame's side.
    unsteadiness: the deviation of the lengths of these steps within the clip, in the same unit. It is 0 of one thing
        that moves at a constant speed, but for the frames in which it bounces, and of a still picture.
    """

    change: NDArray
    speed: NDArray
    unsteadiness: NDArray


def motion(clips: NDArray) -> Motion:
    """Of clips [N, frames, H, W, C] in [-1, 1], -1 being dark, of two frames or more."""
    if clips.ndim != 5 or clips.shape[1] < 2:
        raise UserError(f"clips are [N, 2 or more frames, H, W, C], these are {list(clips.shape)}")
    change = np.abs(np.diff(clips, axis=1)).mean((1, 2, 3, 4), dtype=np.float64)
    steps = np.linalg.norm(np.diff(centres(clips), axis=1), axis=-1)
    return Motion(change, steps.mean(1), steps.std(1))


def centres(clips: NDArray) -> NDArray:
    """The centre of light of each frame, (row, column) from 0 to 1: [N, frames, 2]; the middle where all is dark."""
    light = np.clip(clips.mean(-1, dtype=np.float64) + 1, 0, None)
    rows, columns = (light.sum(axis) for axis in (3, 2))  # [N, frames, H] and [N, frames, W]
    whole = light.sum((2, 3))
    along = [
        (part * (np.arange(part.shape[-1]) + 0.5) / part.shape[-1]).sum(-1) / np.where(whole > 0, whole, 1)
        for part in (rows, columns)
    ]
    return np.where(whole[..., None] > 0, np.stack(along, -1), 0.5)


def distances(real: Motion, fake: Motion) -> Motion:
    """W₁ between the distributions of each figure, in its own unit."""
    from scipy.stats import wasserstein_distance

    return Motion(*(wasserstein_distance(*pair) for pair in zip(real, fake)))
