"""Data sets too large for the device: shuffled, read and decoded as needed, by grain."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.found import printable, reason_of
from gan_jax.data.source import Source, digest, to_float
from gan_jax.types import Array, Batch


def streamed(
    records: Sequence[Any],
    decode: Callable[[Any], Batch],
    example: Batch,
    *,
    classes: int = 0,
    on_device: Callable[[Array], Array] = to_float,
) -> Source:
    """Make a data set that reads its records in a new order each epoch; the step alone gives the position.

    Args:
      records: Anything that `decode` takes, with random access.
      decode: Maps a record to Batch(x, label), for images x uint8 [H, W, C] and an int or None; runs in many threads.
        If it raises, the stream raises OSError, which names the record.
      example: The example as the networks see it, in float32.
      classes: The number of labels; 0 if there are none.
      on_device: Maps stacked x [B, ...] to examples there; by default uint8 to [-1, 1].
    """
    to_device = jax.jit(on_device)

    def decoded(record: Any) -> Batch:
        try:
            return decode(record)
        except Exception as error:  # a broken file can raise anything
            called, why = printable(str(record))[:200], reason_of(error)
            mend = "put a whole one back and resume, or start a new run without it"
            raise OSError(f"{called} can't be decoded ({why}): {mend}") from error

    def stream(key: Array, first_step: int, batch_size: int, places: np.ndarray | None = None) -> Iterator[Batch]:
        import grain

        seed = int(jax.device_get(jax.random.bits(key)))
        shuffled = grain.MapDataset.source(records).shuffle(seed=seed).repeat()  # reseeded each epoch
        own = np.arange(batch_size) if places is None else places
        batches = iter(
            grain.MapDataset.source(Places(shuffled, batch_size, own))
            .map(decoded)
            .batch(len(own), batch_fn=stack)
            .to_iter_dataset(read_options())
        )
        batches.set_state({"next_index": first_step})
        try:
            while True:
                batch = next(batches)
                label = None if batch.condition is None else jnp.asarray(batch.condition, jnp.int32)
                yield Batch(to_device(batch.x), label)
        finally:
            batches.close()

    return Source(example, len(records), classes, stream)


def names_and_sizes(root: Path, files: Sequence[Path], labels: Sequence[int] = ()) -> str:
    """A hash of the names, sizes and labels of a folder's files, wherever the folder is."""
    lines = [f"{file.relative_to(root).as_posix()} {file.stat().st_size}" for file in files]
    labelled = [f"{line} {label}" for line, label in zip(lines, labels)]
    return digest(os.fsencode("\n".join(labelled or lines)))


class Places:
    """The records at some places of each batch, one after the other."""

    def __init__(self, records: Sequence[Any], batch_size: int, places: np.ndarray):
        self.records, self.batch_size, self.places = records, batch_size, places.tolist()

    def __len__(self) -> int:
        return sys.maxsize // self.batch_size * len(self.places)

    def __getitem__(self, number: int) -> Any:
        step, place = divmod(number, len(self.places))
        return self.records[step * self.batch_size + self.places[place]]


def read_options() -> Any:
    """A thread for every core up to 16, and at least two batches read ahead."""
    import grain

    threads = min(16, os.cpu_count() or 1)
    return grain.ReadOptions(num_threads=threads, prefetch_buffer_size=max(threads, 2))


def stack(examples: Sequence[Batch]) -> Batch:
    """Adds a leading axis, in NumPy; pixels go to the device as uint8."""
    labelled = examples[0].condition is not None
    return Batch(np.stack([e.x for e in examples]), np.stack([e.condition for e in examples]) if labelled else None)
