"""Transforms of examples, and how they compose into an augmentation.

Each example is transformed by parameters drawn by its own key. Neighbouring transforms with the same action fuse:
their parameters are joined, and the batch is changed once.
"""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.trees import named
from gan_jax.types import Array, Augment, State

Shape: TypeAlias = tuple[int, ...]
Probability: TypeAlias = float | Array | Callable[[Array], Any]  # a number, or a schedule of the step


class Action(NamedTuple):
    """How parameters change examples. A chain of transforms with one action is applied as one.

    Attributes:
      data: The examples, such as "images [B, height, width, channels]".
      none: The shape of one example -> the parameters that change nothing.
      join: (first, second) -> the parameters that do both, one after the other.
      apply: (parameters [B, ...], examples [B, ...]) -> examples. Differentiable in the examples.
    """

    data: str
    none: Callable[[Shape], Any]
    join: Callable[[Any, Any], Any]
    apply: Callable[[Any, Array], Array]


class Transform(NamedTuple):
    """A random change to an example.

    Attributes:
      name: For messages.
      action: How parameters change examples.
      draws: How many random numbers it needs.
      params: (numbers [draws], uniform in [0, 1), the shape of one example, step) -> the parameters for one example.
    """

    name: str
    action: Action
    draws: int
    params: Callable[[Array, Shape, Array], Any]


def sometimes(p: Probability, transform: Transform) -> Transform:
    """Transform each example with a probability. The others stay the same to the last bit.

    Args:
      p: A number, or a schedule: a function of the step, such as optax's.
      transform: The transform. Within another `sometimes`, probabilities multiply.

    Raises:
      ValueError: A number outside [0, 1].
    """
    if isinstance(p, int | float) and not 0 <= p <= 1:
        raise UserError(f"probability {p} of {transform.name}: it must be from 0 to 1")

    def params(numbers: Array, shape: Shape, step: Array) -> Any:
        chosen = numbers[0] < (p(step) if callable(p) else p)
        drawn, none = transform.params(numbers[1:], shape, step), transform.action.none(shape)
        return jax.tree.map(lambda a, b: jnp.where(chosen, a, b), drawn, none)

    return transform._replace(draws=1 + transform.draws, params=params)


def chain(*transforms: Transform) -> Augment:
    """The augmentation that applies transforms in order."""
    groups = [list(group) for _, group in itertools.groupby(transforms, lambda transform: transform.action)]

    def apply(state: State, keys: Array, x: Any, step: Array) -> Array:
        del state
        x = only_array(x)
        total = sum(transform.draws for transform in transforms)
        # all at once: a call for each transform would take seconds to compile
        numbers = jax.vmap(lambda key: jax.random.uniform(key, (total,), jnp.float32))(keys)
        start = 0
        for group in groups:
            end = start + sum(transform.draws for transform in group)
            x = transformed(group, numbers[:, start:end], x, step)
            start = end
        return x

    return Augment(init=tuple, apply=apply, advance=lambda state, game: state)


def transformed(group: Sequence[Transform], numbers: Array, x: Array, step: Array) -> Array:
    """Applies transforms of one action as one. Examples with nothing to change are kept to the last bit."""
    name, action = group[0].name, group[0].action
    if x.ndim != action.data.count(",") + 1:
        raise UserError(f"{name} augments {action.data}, the data are {x.shape}: choose augmentations of their kind")
    shape = x.shape[1:]
    none = action.none(shape)

    def draw(numbers: Array) -> tuple[Any, Array]:
        params = none
        for transform in group:
            own, numbers = numbers[: transform.draws], numbers[transform.draws :]
            params = action.join(params, transform.params(own, shape, step))
        same = jax.tree.leaves(jax.tree.map(lambda a, b: jnp.all(a == b), params, none))
        return params, jnp.all(jnp.stack(same))

    params, unchanged = jax.vmap(draw)(numbers)
    return jnp.where(per_example(unchanged, x), x, action.apply(params, x).astype(x.dtype))


def symmetric(numbers: Array) -> Array:
    """Uniform numbers in [-1, 1)."""
    return 2 * numbers - 1


def normal(numbers: Array) -> Array:
    """Normal numbers, of which these are the quantiles. Their extremes are ±5.4."""
    return math.sqrt(2) * jax.lax.erf_inv(jnp.clip(symmetric(numbers), -1 + 2**-24, 1 - 2**-24))


def per_example(values: Array, x: Array) -> Array:
    """Shapes values [B] so that they broadcast against examples [B, ...]."""
    return values.reshape(-1, *[1] * (x.ndim - 1))


def only_array(x: Any) -> Array:
    """Refuses examples that are several arrays."""
    leaves = named(x)
    if list(leaves) != [""]:
        raise UserError(f"augmentation takes one array of examples, these have the parts {', '.join(leaves)}")
    return leaves[""]
