"""The interface of data sets to the training loop, and small ones that live on the device."""

import functools
import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from gan_jax.data.arrays import check_images, check_labels
from gan_jax.data.found import Found
from gan_jax.errors import UserError
from gan_jax.keys import fold_each
from gan_jax.trees import outline
from gan_jax.types import Array, Batch, Condition


class Stream(Protocol):
    """Yields a batch for each step from `first_step` on, endlessly. It is pure, so a resumed run sees the same data.

    `places` are the examples of each batch to read, for one of several processes; None: all.
    """

    def __call__(
        self, key: Array, first_step: int, batch_size: int, places: np.ndarray | None = None
    ) -> Iterator[Batch]: ...


class Source(NamedTuple):
    """A data set.

    Attributes:
      example: Shapes and types of one example as the networks see it, without a batch axis.
      size: Examples in an epoch; None if it never repeats, or if only a plan is made.
      classes: The number of classes, if conditions are class numbers; 0 otherwise.
      stream: Maps a key, a first step and a batch size to an endless iterator of batches.
      name: Its name in results, including the split, as "digits train".
      split: Maps the name of a split, such as "test", to that part of the data, without augmentation or noise; None if
        there are no parts.
      found: What was used of the user's files and what was skipped, for commands to report; None if nothing is to be
        reported.
      held_out: Conditions that samples are drawn under, a tree of [N, ...]; None where conditions are class numbers.
      licence: The licence of the data, for the cards of models trained on them; empty if it isn't known.
    """

    example: Batch
    size: int | None
    classes: int
    stream: Stream
    name: str = "unnamed"
    split: "Callable[[str], Source] | None" = None
    found: Found | None = None
    held_out: Condition = None
    licence: str = ""

    @property
    def conditions(self) -> Condition:
        """The conditions of samples: each class once, or those held out, [N, ...]; None if there are none.

        Raises:
          UserError: The examples have conditions, and no fitting ones are held out.
        """
        wanted = self.example.condition
        if self.classes or wanted is None:
            return np.arange(self.classes, dtype=np.int32) if self.classes else None
        given = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), self.held_out)
        if outline(given) != outline(wanted):
            raise UserError(
                f"{self.name} has conditions {outline(wanted)} and holds out {outline(given)} for samples: make it by "
                "`data.conditioned`, or give its Source a `held_out` like the conditions, [N, ...]"
            )
        return self.held_out


def on_device(
    stored: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    classes: int | None = None,
    name: str | None = None,
    decode: Callable[[Array], Array] | None = None,
) -> Source:
    """Keep a data set on the device, and gather batches there.

    Every epoch has its own permutation: it contains each example exactly once.

    Args:
      stored: Grey or RGB images [N, H, W, C] in uint8; with `decode`, examples [N, ...] of any type.
      labels: Integers [N] from 0; None: there are no classes.
      classes: The number of classes; by default one more than the largest label. A warning names classes without an
        example.
      name: Its name in results; by default the shape and a hash, as "60 images of 8x8x1, sha256 1a2b3c4d".
      decode: Maps stored [B, ...] to examples [B, ...] in float32, on the device; by default uint8 to [-1, 1].

    Raises:
      ValueError: The images have another type or shape, or the labels don't fit them; the message says how to convert
        them.
    """
    stored = as_array(stored, "images" if decode is None else "examples")
    if decode is None:
        check_images(stored)
    elif not stored.size:
        raise UserError(f"examples {stored.dtype} {list(stored.shape)} are empty: give one or more")
    if labels is not None:
        labels = as_array(labels, "labels")
        classes = check_labels(labels, len(stored), classes)
    elif classes:
        raise UserError(f"{classes} classes and no labels: give a label for each example, or no classes")
    decode = to_float if decode is None else decode
    gather = jax.jit(lambda x, label, index: Batch(decode(x[index]), None if label is None else label[index]))
    x = jnp.asarray(stored)
    label = None if labels is None else jnp.asarray(labels, jnp.int32)

    def stream(key: Array, first_step: int, batch_size: int, places: np.ndarray | None = None) -> Iterator[Batch]:
        index = make_shuffle(key, len(stored))
        own = np.arange(batch_size) if places is None else places
        step = first_step
        while True:
            yield gather(x, label, index(step * batch_size + own))
            step += 1

    one = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape[1:]), leaf.dtype), (x, label))
    batch = jax.eval_shape(gather, *one, jax.ShapeDtypeStruct((1,), jnp.int32))
    example = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype), batch)
    called = described(stored, labels=labels) if name is None else name
    return Source(example, len(stored), classes or 0, stream, called)


def as_array(given: Any, kind: str) -> np.ndarray:
    try:
        return np.asarray(given)
    except ValueError as error:
        raise UserError(f"{kind} that make no array ({error}): give all of them one shape") from error


def described(examples: np.ndarray, kind: str = "images", labels: np.ndarray | None = None) -> str:
    """The number and shape of examples [N, ...], and a hash of their contents and labels [N]."""
    shape = "x".join(map(str, examples.shape[1:]))
    parts = [examples] if labels is None else [examples, labels.astype(np.int32)]
    return f"{len(examples)} {kind} of {shape}, sha256 {digest(*(np.ascontiguousarray(part).data for part in parts))}"


def digest(*parts: bytes | memoryview) -> str:
    """The first eight digits of the SHA-256."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()[:8]


def endless(name: str, draw: Callable[[Array], Array]) -> Source:
    """Make a data set of examples that are drawn, and never repeat.

    Args:
      name: Its name in results.
      draw: Maps a PRNG key to an example. Every example has its own key: the run's, folded with the step and the
        example's index in the batch.
    """

    @jax.jit
    def batch(key: Array, step: int, places: np.ndarray) -> Batch:
        keys = fold_each(jax.random.fold_in(key, step), places)
        return Batch(jax.vmap(draw)(keys))

    def stream(key: Array, first_step: int, batch_size: int, places: np.ndarray | None = None) -> Iterator[Batch]:
        own = np.arange(batch_size) if places is None else places
        step = first_step
        while True:
            yield batch(key, step, own)
            step += 1

    return Source(Batch(jax.eval_shape(draw, jax.eval_shape(jax.random.key, 0))), None, 0, stream, name)


def parts(source: Source) -> Callable[[str], Source]:
    """The `split` of an augmented source: the source's own, or if it has none, "train" alone, unaugmented."""

    def alone(split: str) -> Source:
        if split != "train":
            raise UserError(f"{source.name} has no split {split!r}: it has only train")
        return source

    return source.split or alone


def image_example(shape: tuple[int, ...], *, labelled: bool) -> Batch:
    """The example of a Source of images [H, W, C]."""
    label = jax.ShapeDtypeStruct((), jnp.int32) if labelled else None
    return Batch(jax.ShapeDtypeStruct(shape, jnp.float32), label)


def to_float(images: Array) -> Array:
    """uint8 [0, 255] -> float32 [-1, 1]."""
    return (images.astype(jnp.float32) - 127.5) / 127.5  # x / 127.5 - 1 rounds to more than 1


def make_shuffle(key: Array, size: int) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a function from positions in the sequence of shuffled epochs to the examples there."""

    @functools.lru_cache(maxsize=2)  # a batch may straddle two epochs
    def permutation(epoch: int) -> np.ndarray:
        return jax.device_get(jax.random.permutation(jax.random.fold_in(key, epoch), size))

    def index(positions: np.ndarray) -> np.ndarray:
        epochs, places = np.divmod(positions, size)
        found = np.empty(len(positions), np.int32)
        for epoch in np.unique(epochs):
            here = epochs == epoch
            found[here] = permutation(int(epoch))[places[here]]
        return found

    return index
