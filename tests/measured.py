"""Examples of a source, and a measure's figures of them."""

import jax
import numpy as np

from gan_jax.data.source import Source
from gan_jax.evaluation.examples import examples
from gan_jax.types import Measure


def take(source: Source, count: int, seed: int = 0) -> np.ndarray:
    return np.concatenate(list(examples(source, count, jax.random.key(seed))))


def figures(measure: Measure, real: np.ndarray, fake: np.ndarray, size: int = 300) -> dict[str, float]:
    """Compares examples, summarised in batches of `size`."""

    def summary(x):
        return measure.summarise(x[first : first + size] for first in range(0, len(x), size))

    return measure.compare(summary(real), summary(fake))
