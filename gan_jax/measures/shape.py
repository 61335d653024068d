"""Measures of shapes in voxels."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gan_jax.metrics.matching import matching, one_nearest_neighbour
from gan_jax.metrics.overlap import jaccard_distances
from gan_jax.types import Measure, Protocol

COMPARED = 1000  # shapes, since all pairs are compared


def shapes(*, num: int = 200) -> Measure:
    """Measure shapes by coverage, minimum matching distance, and the accuracy of one nearest neighbour.

    The distance of two shapes is one minus the intersection over union of their voxels above 0. The accuracy is best
    at 1/2, so neither higher nor lower is better. All three depend on the numbers of shapes, so as many real ones are
    compared as there are samples, or the other way round, as in the papers. A generator has collapsed if its coverage
    is below 0.1.

    Args:
      num: The number of samples, by default.
    """

    def summarise(batches: Iterable[np.ndarray]) -> NDArray[np.bool_]:
        kept: list[NDArray[np.bool_]] = []
        for batch in batches:
            if sum(map(len, kept)) < COMPARED:
                kept.append(full(batch))
        return np.concatenate(kept)[:COMPARED]

    def compare(real: NDArray[np.bool_], fake: NDArray[np.bool_]) -> dict[str, float]:
        few = min(len(real), len(fake))
        real, fake = real[:few], fake[:few]
        across = jaccard_distances(real, fake)
        accuracy = one_nearest_neighbour(jaccard_distances(real, real), across, jaccard_distances(fake, fake))
        return {**matching(across)._asdict(), "one_nearest_neighbour": accuracy}

    def protocol(real: int) -> Protocol:
        del real
        return {
            "measure": "shapes",
            "distance": "1 - IoU of voxels above 0",
            "pairs": f"of the first {COMPARED} of both, as many of each",
        }

    return Measure(
        look=lambda batch: full(batch).astype(np.float32),
        summarise=summarise,
        compare=compare,
        collapsed=lambda figures: figures["coverage"] < 0.1,
        better={"coverage": "higher", "minimum_matching_distance": "lower"},
        best="minimum_matching_distance",
        num=num,
        protocol=protocol,
    )


def full(batch: np.ndarray) -> NDArray[np.bool_]:
    """Whether each voxel is full: [B, ...] -> [B, D]."""
    return np.asarray(batch).reshape(len(batch), -1) > 0
