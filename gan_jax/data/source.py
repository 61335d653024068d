"""What a data set is to the training loop, and the small ones that live on the device."""

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.types import Array, Batch


class Source(NamedTuple):
    """A data set.

    example: shapes and types of one example, as the networks see it (no batch axis).
    size: examples in an epoch; None if it never repeats.
    classes: number of labels; 0 if there are none.
    stream: (key, first_step, turns, batch_size) -> batches with leading axes [turns, batch_size], from
        `first_step` on for ever. A pure function of its arguments, so that a resumed run sees the same data.
    """

    example: Batch
    size: int | None
    classes: int
    stream: Callable[[Array, int, int, int], Iterator[Batch]]


def on_device(images: np.ndarray, labels: np.ndarray | None = None) -> Source:
    """Keeps uint8 images [N, H, W, C] (and int labels [N]) on the device, and gathers batches there.

    Every epoch has its own permutation: no example comes twice in an epoch, and none is left out.
    """
    x = jnp.asarray(images)
    label = None if labels is None else jnp.asarray(labels, jnp.int32)

    def stream(key: Array, first_step: int, turns: int, batch_size: int) -> Iterator[Batch]:
        positions = functools.partial(shuffled, key, len(images))
        step = first_step
        while True:
            index = positions(step * turns * batch_size, turns * batch_size)
            yield gather(x, label, index.reshape(turns, batch_size))
            step += 1

    example = Batch(
        jax.ShapeDtypeStruct(images.shape[1:], jnp.float32),
        None if labels is None else jax.ShapeDtypeStruct((), jnp.int32),
    )
    classes = 0 if labels is None else int(labels.max()) + 1
    return Source(example, len(images), classes, stream)


@jax.jit
def gather(images: Array, labels: Array | None, index: Array) -> Batch:
    return Batch(to_float(images[index]), None if labels is None else labels[index])


def to_float(images: Array) -> Array:
    """uint8 [0, 255] -> float32 [-1, 1]."""
    return images.astype(jnp.float32) / 127.5 - 1


def shuffled(key: Array, size: int, first: int, count: int) -> np.ndarray:
    """The examples at positions first ... first + count - 1 of an endless stream of shuffled epochs."""
    epochs, places = np.divmod(np.arange(first, first + count), size)
    index = np.empty(count, np.int32)
    for epoch in np.unique(epochs):
        here = epochs == epoch
        index[here] = permutation(tuple(jax.random.key_data(key).tolist()), size, int(epoch))[places[here]]
    return index


@functools.lru_cache(maxsize=4)
def permutation(key_data: tuple[int, ...], size: int, epoch: int) -> np.ndarray:
    key = jax.random.wrap_key_data(jnp.asarray(key_data, jnp.uint32))
    return np.asarray(jax.random.permutation(jax.random.fold_in(key, epoch), size))
