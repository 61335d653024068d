"""Measures of clips, in the features of a network for clips and of one for frames, and by how they move."""

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gan_jax.measures.common import MANIFOLD, NEIGHBOURS, batchwise
from gan_jax.metrics import frechet, manifold, motion
from gan_jax.types import Features, Measure, Protocol

KEPT = 10_000  # clips, for figures that need all pairs


@dataclasses.dataclass(frozen=True, eq=False)
class VideoSummary:
    clips: NDArray  # features [N, D]
    frames: frechet.Moments
    motion: motion.Motion


def videos(clips: Features, frames: Features, *, num: int = 2000) -> Measure:
    """Measure clips by Fréchet distances of clips and of frames, precision to coverage of clips, and their motion.

    `change_distance`, `speed_distance` and `unsteadiness_distance` are W₁ between the figures of `metrics.motion` of
    real and of generated clips. A generator has collapsed if its coverage is below 0.1.

    Args:
      clips: The network for clips [B, frames, H, W, C]. Figures of its features are the only ones, besides those of
        motion, that depend on the order of frames.
      frames: The network for frames [B, H, W, C].
      num: The number of samples, by default.
    """
    look, look_at_frames = batchwise(clips.look), batchwise(frames.look)

    def summarise(batches: Iterable[np.ndarray]) -> VideoSummary:
        features, moved = [], []

        def each() -> Iterable[NDArray]:
            for batch in batches:
                features.append(look(batch).features)
                moved.append(motion.motion(batch))
                yield look_at_frames(batch.reshape(-1, *batch.shape[2:])).features

        moments = frechet.moments(each())
        return VideoSummary(np.concatenate(features), moments, motion.Motion(*map(np.concatenate, zip(*moved))))

    def compare(real: VideoSummary, fake: VideoSummary) -> dict[str, float]:
        of_clips = (frechet.moments([summary.clips]) for summary in (real, fake))
        moved = motion.distances(real.motion, fake.motion)
        return {
            "frechet_distance_clips": frechet.frechet_distance(*of_clips),
            "frechet_distance_frames": frechet.frechet_distance(real.frames, fake.frames),
            **manifold.manifold(real.clips[:KEPT], fake.clips[:KEPT], k=NEIGHBOURS)._asdict(),
            **{f"{name}_distance": float(value) for name, value in moved._asdict().items()},
        }

    def protocol(real: int) -> Protocol:
        del real
        return {
            "measure": "videos",
            "features": f"{clips.name}; {frames.name}",
            "weights": clips.weights if clips.weights == frames.weights else f"{clips.weights}; {frames.weights}",
            "resize": clips.resize if clips.resize == frames.resize else f"{clips.resize}; {frames.resize}",
            "pairs": f"of the first {KEPT}",
            "neighbours": NEIGHBOURS,
        }

    return Measure(
        look=lambda batch: look(batch).features,
        summarise=summarise,
        compare=compare,
        collapsed=lambda figures: figures["coverage"] < 0.1,
        better={
            "frechet_distance_clips": "lower",
            "frechet_distance_frames": "lower",
            **MANIFOLD,
            "change_distance": "lower",
            "speed_distance": "lower",
            "unsteadiness_distance": "lower",
        },
        best="frechet_distance_clips",
        num=num,
        protocol=protocol,
    )
