"""Real examples that generators are measured against, in an order that a key decides."""

from collections.abc import Iterator

import jax
import numpy as np

from gan_jax.data.source import Source, parts
from gan_jax.trees import size_of
from gan_jax.types import Array, Batch

BATCH = 256


def part_of(source: Source, split: str) -> Source:
    """Returns the real examples of a split, without augmentation or noise.

    Raises:
      ValueError: The data have no such split.
    """
    return parts(source)(split)


def examples(source: Source, count: int, key: Array) -> Iterator[np.ndarray]:
    """Yields batches of `count` examples in all, in the key's order; none comes twice up to the source's size."""
    for batch in labelled(source, count, key):
        yield batch.x


def labelled(source: Source, count: int, key: Array) -> Iterator[Batch]:
    """Yields the same examples with their conditions."""
    for batch in source.stream(key, 0, min(BATCH, count)):
        yield jax.tree.map(lambda leaf, left=count: np.asarray(leaf)[:left], batch)
        count -= size_of(batch.x)
        if count <= 0:
            break
