"""What samples of a kind are measured by: an experiment names one of these, and `gan-jax evaluate` prints its figures.

The memory that a summary of images takes is bounded: moments, and the features of the first SEARCHED in float32, as any
real example may be the nearest (51 MB of 128 each, 820 MB of Inception's 2048). What needs all pairs is of the first
KEPT, which are drawn at random. Of points it's the points, of stacked digits a label each.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jax.tree_util import Partial
from numpy.typing import NDArray

from gan_jax import parallel
from gan_jax.metrics import classes, frechet, kernel, manifold, mixtures, neighbours
from gan_jax.types import Array, Features, Measure, Protocol, Seen

KEPT = 10_000
SEARCHED = 100_000
TRANSPORTED = 1000  # points: an exact assignment grows with the third power
BATCH = 128

HIGHER_IS_BETTER = {"precision", "recall", "density", "coverage", "score", "covered", "high_quality"}
LOWER_IS_BETTER = {"frechet_distance", "kernel_distance", "reverse_kl", "wasserstein", "duplicates"}


@dataclasses.dataclass(frozen=True, eq=False)
class ImageSummary:
    moments: frechet.Moments
    features: NDArray  # [SEARCHED or fewer, D]
    logits: NDArray | None  # [KEPT or fewer, classes]

    @property
    def first(self) -> NDArray:
        """Features [KEPT or fewer, D] of which all pairs are looked at."""
        return self.features[:KEPT]

    @functools.cached_property
    def apart(self) -> float:
        """How far the first examples lie from the nearest other one of all, in the median."""
        return float(np.median(neighbours.nearest_other(self.features, number=KEPT)))


def images(features: Features, *, best: str = "frechet_distance", num: int = 10_000) -> Measure:
    """Fréchet and kernel distance, precision, recall, density, coverage, and the classifier's score.

    `nearest` is the median distance of a sample to its nearest real example, over that of real examples to theirs:
    below 1 samples lie nearer to the training data than these to one another. `duplicates` is the share of samples
    with another one within a tenth of that distance. A generator has collapsed if its coverage is below 0.1.

    best: one of HIGHER_IS_BETTER or LOWER_IS_BETTER.
    """
    if best not in HIGHER_IS_BETTER | LOWER_IS_BETTER:
        known = ", ".join(sorted(HIGHER_IS_BETTER | LOWER_IS_BETTER))
        raise ValueError(f"best {best!r}: not known to be better higher or lower, as are {known}")
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
        distance = kernel.kernel_distance(real.first, fake.first, subset_size=min(1000, few // 2))
        figures = {
            "frechet_distance": frechet.frechet_distance(real.moments, fake.moments),
            "kernel_distance": distance.mean,
            "kernel_distance_error": distance.standard_error,
            **manifold.manifold(real.first, fake.first, k=5)._asdict(),
        }
        if fake.logits is not None:
            score = classes.inception_score(fake.logits)
            figures |= {"score": score.mean, "score_deviation": score.deviation}
        if real.apart == 0:
            raise ValueError("the features of most real examples are those of another: they tell nothing apart")
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
            "neighbours": 5,
            "kernel": "100 subsets of 1000, or of half the examples where they are fewer than 2000",
            "score": "10 splits",
        }

    return Measure(
        look=lambda batch: look(batch).features,
        summarise=summarise,
        compare=compare,
        collapsed=lambda figures: figures["coverage"] < 0.1,
        best=best,
        higher_is_better=best in HIGHER_IS_BETTER,
        num=num,
        protocol=protocol,
    )


def stacked(features: Features, *, num: int = 26_000) -> Measure:
    """The modes among 1,000, and their KL from the uniform distribution, of images of three digits, one a channel.

    features: a classifier of one channel. The number of samples is PacGAN's (Lin et al. 2018, section 4.2). Collapsed
    is a generator that covers fewer than half of the modes.
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
        found = classes.modes(fake, 1000)
        return {"covered": found.covered, "reverse_kl": found.kl, "reverse_kl_floor": found.floor}

    def protocol(real: int) -> Protocol:
        del real
        return {
            "measure": "1000 modes",
            "features": features.name,
            "weights": features.weights,
            "resize": features.resize,
        }

    return Measure(
        look=look,
        summarise=summarise,
        compare=compare,
        collapsed=lambda figures: figures["covered"] < 500,
        best="reverse_kl",
        higher_is_better=False,
        num=num,
        protocol=protocol,
    )


def mixture(centres: NDArray, sigma: float, *, num: int = 2500) -> Measure:
    """Modes covered, share of high quality, reverse KL with its floor, and W₁, of points about `centres` [K, D].

    The number of samples is PacGAN's (Lin et al. 2018, section 4.1). Collapsed is a generator that covers fewer than
    half of the modes.
    """

    def compare(real: NDArray, fake: NDArray) -> dict[str, float]:
        found = mixtures.mixture(fake, centres, sigma)
        return {
            "covered": found.covered,
            "high_quality": found.high_quality,
            "reverse_kl": found.modes.kl,
            "reverse_kl_floor": found.modes.floor,
            "wasserstein": transport(real, fake),
        }

    def protocol(real: int) -> Protocol:
        del real
        return {"measure": f"{len(centres)} modes", "sigma": sigma, "wasserstein": f"of {TRANSPORTED}"}

    return Measure(
        look=lambda batch: batch,
        summarise=all_of,
        compare=compare,
        collapsed=lambda figures: figures["covered"] < len(centres) / 2,
        best="wasserstein",
        higher_is_better=False,
        num=num,
        protocol=protocol,
    )


def plane(*, num: int = 2500) -> Measure:
    """W₁, precision, recall, density and coverage of points [N, D] themselves, for distributions without modes.

    A generator has collapsed if its coverage is below 0.1.
    """

    def compare(real: NDArray, fake: NDArray) -> dict[str, float]:
        return {"wasserstein": transport(real, fake), **manifold.manifold(real, fake, k=5)._asdict()}

    def protocol(real: int) -> Protocol:
        del real
        return {"measure": "points", "wasserstein": f"of {TRANSPORTED}", "neighbours": 5}

    return Measure(
        look=lambda batch: batch,
        summarise=all_of,
        compare=compare,
        collapsed=lambda figures: figures["coverage"] < 0.1,
        best="wasserstein",
        higher_is_better=False,
        num=num,
        protocol=protocol,
    )


def all_of(batches: Iterable[np.ndarray]) -> NDArray:
    return np.concatenate(list(batches))


def transport(real: NDArray, fake: NDArray) -> float:
    """W₁ of the first points of both."""
    count = min(TRANSPORTED, len(real), len(fake))
    return mixtures.wasserstein(real[:count], fake[:count])


def batchwise(look: Callable[[Array], Any]) -> Callable[[np.ndarray], Any]:
    """`look` of batches [B, ...], compiled once: in parts of one size, padded, and split over all devices."""
    mesh = parallel.make_mesh()
    size = -(-BATCH // mesh.size) * mesh.size
    split = NamedSharding(mesh, PartitionSpec(parallel.AXIS))
    seen = look if isinstance(look, Partial) else Partial(look)  # large weights are arguments, not constants
    compiled = jax.jit(
        lambda look, x: look(x),
        in_shardings=(parallel.everywhere(mesh), split),
        compiler_options=parallel.compiler_options(),
    )

    def part(x: np.ndarray) -> Any:
        padded = np.concatenate([x, np.zeros((size - len(x), *x.shape[1:]), x.dtype)])

        def cut(leaf: Array) -> NDArray:
            if leaf.shape[:1] != (size,):
                raise ValueError(f"features of shape {list(leaf.shape)} for {size} examples: give each example a row")
            return np.asarray(leaf)[: len(x)]

        return jax.tree.map(cut, compiled(seen, padded))

    def of(x: np.ndarray) -> Any:
        parts = [part(x[first : first + size]) for first in range(0, len(x), size)]
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)

    return of
