"""Examples that games are played under: each example's condition is computed from it, on the device.

Super-resolution, colourisation and in-painting are one line each:

    conditioned(source, lambda x: jax.image.resize(x, (7, 7, 1), "linear"), name="7x7")
    conditioned(source, lambda x: x.mean(-1, keepdims=True), name="grey")
    conditioned(source, lambda x: x.at[8:24, 8:24].set(0), name="all but the middle")
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.memory import is_planning, remembered_arrays
from gan_jax.data.source import Source, parts
from gan_jax.errors import UserError
from gan_jax.types import Array, Batch, Condition

log = logging.getLogger(__name__)
NUM = 64  # conditions held out for samples


def conditioned(source: Source, make: Callable[[Any], Condition], *, name: str, num: int = NUM) -> Source:
    """Give each example of a source a condition that is computed from it. It replaces class numbers.

    Samples are drawn under the conditions of examples of the test split; if there is none, of the source itself, and a
    warning says so.

    Args:
      source: Any data set.
      make: Maps one example to its condition, a tree of arrays. Pure; it is compiled for whole batches.
      name: The condition's name in results, such as "7x7": the data are then "digits train given 7x7".
      num: Conditions held out for samples.
    """
    return divided(source, lambda x: Batch(x, make(x)), name, num)


def paired(source: Source, given: Literal["left", "right"] = "left", *, num: int = NUM) -> Source:
    """Divide images that hold two side by side: one half is the condition, the other is the example.

    Isola et al. 2017 (pix2pix) publish their data in this form. Load them as ``images(folder, size=(256, 512))``.

    Args:
      source: Images [H, 2 W, C].
      given: The half that is the condition.
      num: Conditions held out for samples.
    """
    shape = source.example.x.shape
    if given not in ("left", "right") or len(shape) != 3 or shape[1] % 2:
        raise UserError(
            f"paired by the {given} half of examples {list(shape)}: give images [H, 2 W, C], and left or right"
        )

    def halves(x: Array) -> Batch:
        left, right = jnp.split(x, 2, axis=1)
        return Batch(right, left) if given == "left" else Batch(left, right)

    return divided(source, halves, f"the {given} half", num)


def divided(source: Source, divide: Callable[[Any], Batch], name: str, num: int) -> Source:
    """The source whose examples and conditions `divide` makes, each from one example."""
    whole = with_conditions(source, divide, name)
    if is_planning():
        return whole
    leaves, structure = jax.tree.flatten(whole.example.condition)

    def read() -> list[np.ndarray]:
        return jax.tree.leaves(some_conditions(whole, num))

    held_out = remembered_arrays("conditioned", read) if leaves else []
    return whole._replace(held_out=jax.tree.unflatten(structure, held_out))


def with_conditions(source: Source, divide: Callable[[Any], Batch], name: str) -> Source:
    """The source with conditions, none of which is held out."""
    of_batch = jax.jit(jax.vmap(divide))

    def stream(key: Array, first_step: int, batch_size: int, places: np.ndarray | None = None) -> Iterator[Batch]:
        for batch in source.stream(key, first_step, batch_size, places):
            yield of_batch(batch.x)

    def part(split: str) -> Source:
        return with_conditions(parts(source)(split), divide, name)

    return source._replace(
        example=jax.eval_shape(divide, source.example.x),
        classes=0,
        stream=stream,
        name=f"{source.name} given {name}",
        split=part if source.split else None,
    )


def some_conditions(source: Source, num: int) -> Condition:
    """Conditions [num, ...] of the test split or, if there is none, of the source; fewer if it has fewer."""
    try:
        part = parts(source)("test")
    except (KeyError, ValueError):
        part = parts(source)("train")
        log.warning("%s has no test split: samples are drawn under conditions of its own examples", source.name)
    size = num if part.size is None else min(num, part.size)
    return jax.device_get(next(part.stream(jax.random.key(0), 0, size)).condition)
