"""Measures of images, in the features of a network.

A summary takes bounded memory: moments, and the float32 features of the first SEARCHED examples, since any real example
may be the nearest (51 MB for 128 features each, 820 MB for Inception's 2048). Figures that need all pairs use the first
KEPT examples, which are in random order. A summary of stacked digits is one label for each.
"""

import dataclasses
import functools
import logging
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from gan_jax.errors import UserError
from gan_jax.measures.common import MANIFOLD, NEIGHBOURS, batchwise
from gan_jax.metrics import classes, frechet, kernel, manifold, neighbours
from gan_jax.types import Features, Measure, Protocol, Seen

log = logging.getLogger(__name__)
KEPT = 10_000
SEARCHED = 100_000
MODES = 1000  # of three stacked digits
SUBSETS, SUBSET = 100, 1000  # of the kernel distance: their number, and their size
SPLITS = 10  # of the score


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSummary:
    moments: frechet.Moments
    features: NDArray  # [SEARCHED or fewer, D]
    logits: NDArray | None  # [KEPT or fewer, classes]

    @property
    def first(self) -> NDArray:
        """Features [KEPT or fewer, D], for figures that need all pairs."""
        return self.features[:KEPT]

    @functools.cached_property
    def apart(self) -> float:
        """The median distance of the first examples from the nearest example that isn't their copy.

        Raises:
          ValueError: All are copies of one.
        """
        distinct = len(np.unique(self.first, axis=0))
        if distinct == 1:
            raise UserError("the features of all real examples are the same: they tell nothing apart")
        if distinct < len(self.first):
            log.warning(
                "the first %d real examples are copies of %d by their features: `nearest` and `duplicates` go by the "
                "distances between these",
                len(self.first),
                distinct,
            )
        return float(np.median(neighbours.nearest_distinct(self.features, number=KEPT)))


def images(features: Features, *, best: str = "frechet_distance", num: int = 10_000) -> Measure:
    """Measure images by Fréchet and kernel distance, precision, recall, density, coverage, and a classifier's score.

    `nearest` is the median distance of a sample from the nearest real example, over the median distance of a real
    example from the nearest one that isn't its copy: below 1, samples are closer to the training data than real
    examples are to one another. `duplicates` is the share of samples that have another one within a tenth of the latter
    distance. A generator has collapsed if its coverage is below 0.1.

    Args:
      features: The network that gives features, and logits for the score. Without logits there is no score.
      best: The figure that chooses the best checkpoint: any but `nearest` and the errors.
      num: The number of samples, by default.
    """
    look = batchwise(features.look)

    def summarise(batches: Iterable[np.ndarray]) -> ImageSummary:
        kept: list[NDArray] = []
        logits: list[NDArray] = []

        def each() -> Iterable[NDArray]:
            for batch in batches:
                seen = look(batch)
                if seen.logits is not None and sum(map(len, logits)) < KEPT:
                    logits.append(seen.logits)
                if sum(map(len, kept)) < SEARCHED:
                    kept.append(seen.features)
                yield seen.features

        moments = frechet.moments(each())
        return ImageSummary(moments, np.concatenate(kept)[:SEARCHED], np.concatenate(logits)[:KEPT] if logits else None)

    def compare(real: ImageSummary, fake: ImageSummary) -> dict[str, float]:
        few = min(len(real.first), len(fake.first))
        distance = kernel.kernel_distance(real.first, fake.first, subsets=SUBSETS, subset_size=min(SUBSET, few // 2))
        figures = {
            "frechet_distance": frechet.frechet_distance(real.moments, fake.moments),
            "kernel_distance": distance.mean,
            "kernel_distance_error": distance.standard_error,
            **manifold.manifold(real.first, fake.first, k=NEIGHBOURS)._asdict(),
        }
        if fake.logits is not None:
            score = classes.inception_score(fake.logits, splits=SPLITS)
            figures |= {"score": score.mean, "score_deviation": score.deviation}
        nearest = float(np.median(neighbours.nearest(fake.first, real.features)[1]))
        return figures | {
            "nearest": nearest / real.apart,
            "duplicates": neighbours.duplicates(fake.first, 0.1 * real.apart),
        }

    def protocol(real: int) -> Protocol:
        return {
            "measure": "images",
            "features": features.name,
            "weights": features.weights,
            "resize": features.resize,
            "pairs": f"of the first {KEPT}",
            **({"nearest": f"among the first {SEARCHED}"} if real > KEPT else {}),
            "neighbours": NEIGHBOURS,
            "kernel": f"{SUBSETS} subsets of {SUBSET}, or of half the examples where they are fewer than {2 * SUBSET}",
            "score": f"{SPLITS} splits",
        }

    return Measure(
        look=lambda batch: look(batch).features,
        summarise=summarise,
        compare=compare,
        collapsed=lambda figures: figures["coverage"] < 0.1,
        better={
            "frechet_distance": "lower",
            "kernel_distance": "lower",
            **MANIFOLD,
            "score": "higher",
            "duplicates": "lower",
        },
        best=best,
        num=num,
        protocol=protocol,
    )


def stacked(features: Features, *, num: int = 26_000) -> Measure:
    """Measure images of three digits, one in each channel, by the modes covered and their KL from uniform.

    A generator has collapsed if it covers fewer than half of the 1,000 modes.

    Args:
      features: A classifier of one channel.
      num: The number of samples, by default PacGAN's (Lin et al. 2018, section 4.2).
    """
    each = batchwise(features.look)

    def channels(batch: np.ndarray) -> list[Seen]:
        return [each(batch[..., [channel]]) for channel in range(3)]

    def look(batch: np.ndarray) -> np.ndarray:
        return np.concatenate([seen.features for seen in channels(batch)], 1)

    def label(batch: np.ndarray) -> np.ndarray:
        hundreds, tens, ones = (classes.likeliest(np.asarray(seen.logits)) for seen in channels(batch))
        return 100 * hundreds + 10 * tens + ones

    def summarise(batches: Iterable[np.ndarray]) -> NDArray:
        return np.concatenate([label(batch) for batch in batches])

    def compare(real: NDArray, fake: NDArray) -> dict[str, float]:
        del real  # the reference is the uniform distribution
        found = classes.modes(fake, MODES)
        return {"covered": found.covered, "reverse_kl": found.kl, "reverse_kl_floor": found.floor}

    def protocol(real: int) -> Protocol:
        del real
        return {
            "measure": f"{MODES} modes",
            "features": features.name,
            "weights": features.weights,
            "resize": features.resize,
        }

    return Measure(
        look=look,
        summarise=summarise,
        compare=compare,
        collapsed=lambda figures: figures["covered"] < MODES / 2,
        better={"covered": "higher", "reverse_kl": "lower"},
        best="reverse_kl",
        num=num,
        protocol=protocol,
    )
