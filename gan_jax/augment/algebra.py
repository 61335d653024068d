"""Transforms of examples, and how they compose into an augmentation.

Each example is transformed by parameters drawn by its own key. Neighbouring transforms with the same action fuse:
their parameters are composed, and the batch is changed once.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.errors import UserError
from gan_jax.keys import fold
from gan_jax.trees import named
from gan_jax.types import Array, Augment, Game, State

Shape: TypeAlias = tuple[int, ...]
Probability: TypeAlias = float | Array | Callable[[Array], Any]  # a number, or a schedule of the step


class Action(NamedTuple):
    """How parameters change examples. Neighbouring transforms with one action are applied as one.

    Attributes:
      data: The examples, for messages, such as "images [B, height, width, channels]".
      axes: The number of axes of a batch, such as 4 for images.
      identity: The shape of one example -> the parameters that change nothing.
      compose: (first, second) -> the parameters that do both, one after the other.
      apply: (parameters [B, ...], examples [B, ...]) -> examples. Differentiable in the examples.
    """

    data: str
    axes: int
    identity: Callable[[Shape], Any]
    compose: Callable[[Any, Any], Any]
    apply: Callable[[Any, Array], Array]


class Transform(NamedTuple):
    """A random change to an example.

    Attributes:
      name: For messages.
      action: How parameters change examples.
      draws: How many random numbers `draw` needs.
      draw: (numbers [draws], uniform in [0, 1), the shape of one example, step) -> the parameters for one example.
    """

    name: str
    action: Action
    draws: int
    draw: Callable[[Array, Shape, Array], Any]


def sometimes(p: Probability, transform: Transform) -> Transform:
    """Transform each example with a probability. The others stay the same to the last bit.

    Args:
      p: A number, or a schedule: a function of the step, such as optax's.
      transform: The transform. Within another `sometimes`, probabilities multiply.

    Raises:
      ValueError: A number outside [0, 1], or anything but a transform.
    """
    if isinstance(p, Transform | Augment):
        raise UserError("sometimes: the probability comes first, as in sometimes(0.5, augment.flip())")
    if isinstance(transform, Augment):
        raise UserError(
            "sometimes takes one transform, not a whole augmentation: put sometimes around each transform of the "
            "chain, or give a pipeline its probability, as in augment.ada(0.5)"
        )
    if not isinstance(transform, Transform):
        raise UserError(
            f"sometimes takes a transform, as in sometimes(0.5, augment.flip()), not {described(transform)}"
        )
    if isinstance(p, int | float | np.number) and not 0 <= p <= 1:
        raise UserError(f"probability {p} of {transform.name}: it must be from 0 to 1")

    def draw(numbers: Array, shape: Shape, step: Array) -> Any:
        chosen = numbers[0] < (p(step) if callable(p) else p)
        drawn, identity = transform.draw(numbers[1:], shape, step), transform.action.identity(shape)
        return jax.tree.map(lambda a, b: jnp.where(chosen, a, b), drawn, identity)

    return transform._replace(draws=1 + transform.draws, draw=draw)


def chain(*parts: Transform | Augment) -> Augment:
    """Apply transforms and whole augmentations in order.

    Conditions aren't augmented. Where the condition is an image, use only transforms that move nothing, or none.

    Args:
      *parts: Transforms such as `flip()`, and augmentations such as `ada(0.5)`, `adaptive(...)` or your own.

    Returns:
      A single augmentation. Its state is that of its only stage, or the tuple of its stages' states: each augmentation
      is a stage, and so are the transforms between two of them. The p of `chain(flip(), adaptive(...))` is logged as
      `augment/1/p`.

    Raises:
      ValueError: A part that is neither.
    """
    for part in parts:
        if not isinstance(part, Transform | Augment):
            raise UserError(f"chain takes transforms and augmentations, such as augment.flip(), not {described(part)}")
    groups: Iterable[tuple[bool, Iterable[Any]]] = itertools.groupby(parts, lambda part: isinstance(part, Transform))
    stages = [stage for fusible, group in groups for stage in ([fused(list(group))] if fusible else group)]
    return stages[0] if len(stages) == 1 else in_turn(stages)


def in_turn(stages: Sequence[Augment]) -> Augment:
    """The augmentation that applies others in order, each by keys of its own."""

    def apply(states: State, keys: Array, x: Any, step: Array) -> Any:
        for place, (stage, state) in enumerate(zip(stages, states, strict=True)):
            x = stage.apply(state, fold(keys, place), x, step)
        return x

    def advance(states: State, game: Game) -> State:
        return tuple(stage.advance(state, game) for stage, state in zip(stages, states, strict=True))

    return Augment(init=lambda: tuple(stage.init() for stage in stages), apply=apply, advance=advance)


def fused(transforms: Sequence[Transform]) -> Augment:
    """The augmentation that applies transforms in order, and neighbours with one action as one."""
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


def described(value: Any) -> str:
    """A value that is no transform, for messages."""
    if callable(value):
        name = getattr(value, "__name__", "it")
        return f"the function {name}: call it, as in {name}()"
    return f"{type(value).__name__} {value!r:.40}"


def transformed(group: Sequence[Transform], numbers: Array, x: Array, step: Array) -> Array:
    """Applies transforms of one action as one. Examples with nothing to change are kept to the last bit."""
    name, action = group[0].name, group[0].action
    if x.ndim != action.axes:
        raise UserError(
            f"{name} augments {action.data}, {action.axes} axes in all, the data are {list(x.shape)}: "
            "choose augmentations of their kind"
        )
    shape = x.shape[1:]
    identity = action.identity(shape)

    def draw(numbers: Array) -> tuple[Any, Array]:
        drawn = identity
        for transform in group:
            own, numbers = numbers[: transform.draws], numbers[transform.draws :]
            drawn = action.compose(drawn, transform.draw(own, shape, step))
        same = jax.tree.leaves(jax.tree.map(lambda a, b: jnp.all(a == b), drawn, identity))
        return drawn, jnp.all(jnp.stack(same))

    drawn, kept = jax.vmap(draw)(numbers)
    return jnp.where(per_example(kept, x), x, action.apply(drawn, x).astype(x.dtype))


def symmetric(numbers: Array) -> Array:
    """Uniform numbers in [-1, 1)."""
    return 2 * numbers - 1


def normal(numbers: Array) -> Array:
    """The normal quantiles of uniform numbers. Their extremes are ±5.4."""
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
