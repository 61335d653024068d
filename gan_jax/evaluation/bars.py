"""Progress bars in a terminal, for what takes more than a moment."""

from collections.abc import Iterable, Iterator
from typing import Any

from tqdm import tqdm

from gan_jax.trees import size_of

MOMENT = 0.5  # seconds


def counted(batches: Iterable[Any], count: int, name: str) -> Iterator[Any]:
    """Yields batches, trees of [B, ...], with a progress bar of their `count` examples."""
    with tqdm(total=count, desc=name, unit="example", leave=False, disable=None, delay=MOMENT) as bar:
        for batch in batches:
            yield batch
            bar.update(size_of(batch))


def each(things: Any, name: str, unit: str) -> Iterator[Any]:
    """Yields each of a sequence, with a progress bar."""
    yield from tqdm(things, desc=name, unit=unit, leave=False, disable=None, delay=MOMENT)
