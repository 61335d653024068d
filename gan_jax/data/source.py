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
    stream: (key, first_step, batch_size) -> a batch for each step from `first_step` on, for ever. A pure function of
        its arguments, so that a resumed run sees the same data.
    name: what figures call it, its split included, as "digits train".
    split: the name of a split, such as "test" -> that part of the same data, as it is without augmentation or noise;
        None where there are no parts.
    """

    example: Batch
    size: int | None
    classes: int
    stream: Callable[[Array, int, int], Iterator[Batch]]
    name: str = "unnamed"
    split: "Callable[[str], Source] | None" = None


def on_device(
    images: np.ndarray, labels: np.ndarray | None = None, *, classes: int | None = None, name: str = "unnamed"
) -> Source:
    """Keeps uint8 images [N, H, W, C] (and int labels [N]) on the device, and gathers batches there.

    classes: how many there are, where not every one need occur in `labels`.
    Every epoch has its own permutation: no example comes twice in an epoch, and none is left out.
    """
    x = jnp.asarray(images)
    label = None if labels is None else jnp.asarray(labels, jnp.int32)
    if classes is None:
        classes = 0 if labels is None else int(labels.max()) + 1

    def stream(key: Array, first_step: int, batch_size: int) -> Iterator[Batch]:
        positions = make_shuffle(key, len(images))
        step = first_step
        while True:
            yield gather(x, label, positions(step * batch_size, batch_size))
            step += 1

    example = image_example(images.shape[1:], labelled=labels is not None)
    return Source(example, len(images), classes, stream, name)


def endless(name: str, draw: Callable[[Array], Array]) -> Source:
    """Draws every example by `draw`, from its own key: the run's, folded with the step and its index."""

    @functools.partial(jax.jit, static_argnums=2)
    def batch(key: Array, step: int, batch_size: int) -> Batch:
        keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.fold_in(key, step), jnp.arange(batch_size))
        return Batch(jax.vmap(draw)(keys))

    def stream(key: Array, first_step: int, batch_size: int) -> Iterator[Batch]:
        step = first_step
        while True:
            yield batch(key, step, batch_size)
            step += 1

    return Source(Batch(jax.eval_shape(draw, jax.eval_shape(jax.random.key, 0))), None, 0, stream, name)


def image_example(shape: tuple[int, ...], *, labelled: bool) -> Batch:
    """The example of a Source of images [H, W, C]."""
    label = jax.ShapeDtypeStruct((), jnp.int32) if labelled else None
    return Batch(jax.ShapeDtypeStruct(shape, jnp.float32), label)


@jax.jit
def gather(images: Array, labels: Array | None, index: Array) -> Batch:
    return Batch(to_float(images[index]), None if labels is None else labels[index])


def to_float(images: Array) -> Array:
    """uint8 [0, 255] -> float32 [-1, 1]."""
    return (images.astype(jnp.float32) - 127.5) / 127.5  # x / 127.5 - 1 rounds to more than 1


def make_shuffle(key: Array, size: int) -> Callable[[int, int], np.ndarray]:
    """Returns (first, count) -> the examples at positions first ... first + count - 1 of shuffled epochs."""

    @functools.lru_cache(maxsize=2)  # a batch may straddle two epochs
    def permutation(epoch: int) -> np.ndarray:
        return np.asarray(jax.random.permutation(jax.random.fold_in(key, epoch), size))

    def positions(first: int, count: int) -> np.ndarray:
        epochs, places = np.divmod(np.arange(first, first + count), size)
        index = np.empty(count, np.int32)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            index[here] = permutation(int(epoch))[places[here]]
        return index

    return positions
