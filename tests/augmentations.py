"""Every transform and pipeline of `gan_jax.augment` that needs no arguments, with examples of its kind of data."""

import inspect
from typing import Any, NamedTuple, get_type_hints

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import augment
from gan_jax.augment.algebra import Transform, chain
from gan_jax.types import Array, Augment

SHAPES = {"images": (8, 8, 3), "voxels": (4, 4, 4, 1), "sounds": (16, 1), "clips": (3, 8, 8, 3)}
STEP = jnp.int32(0)


class Found(NamedTuple):
    """An augmentation and the shape of an example."""

    augment: Augment
    shape: tuple[int, ...]


def needs_nothing(function: Any, of: type) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return get_type_hints(function).get("return") is of and all(
        parameter.default is not parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL
        for parameter in parameters
    )


def made(of: type) -> list[Any]:
    """All that the face and its modules make of one type without arguments."""
    images = [getattr(augment, name) for name in augment.__all__]
    others = [value for kind in SHAPES if kind != "images" for value in vars(getattr(augment, kind)).values()]
    return [f() for f in images + others if inspect.isfunction(f) and needs_nothing(f, of)]


TRANSFORMS = {transform.name: transform for transform in made(Transform)}
TRANSFORMS |= {t.name: t for t in map(augment.clips.frames, TRANSFORMS.values()) if t.name.count(".") == 1}


def kind_of(transform: Transform) -> str:
    """The kind of data that it augments."""
    return transform.action.data.split()[0]


def all_of(kind: str) -> list[Transform]:
    """Every transform of a kind of data."""
    return [transform for transform in TRANSFORMS.values() if kind_of(transform) == kind]


# One chain for all transforms of a kind, since compiling is slow, and every pipeline.
WHOLES = {kind: Found(chain(*all_of(kind)), shape) for kind, shape in SHAPES.items()}
WHOLES |= {f"pipeline {number}": Found(whole, SHAPES["images"]) for number, whole in enumerate(made(Augment))}
WHOLES["adaptive"] = Found(augment.adaptive(augment.ada, batch_size=4, horizon=8), SHAPES["images"])


def keys(number: int, seed: int = 0) -> Array:
    return jax.random.split(jax.random.key(seed), number)


def examples(number: int, shape: tuple[int, ...], seed: int = 0) -> Array:
    return jnp.asarray(np.random.default_rng(seed).uniform(-1, 1, (number, *shape)), jnp.float32)


def applied(transform: Transform | Augment, x: Any, seed: int = 0) -> np.ndarray:
    """Examples as the critic sees them."""
    whole = chain(transform) if isinstance(transform, Transform) else transform
    x = jnp.asarray(x)
    return np.asarray(jax.jit(whole.apply)(whole.init(), keys(len(x), seed), x, STEP))


def fixed(transform: Transform, *numbers: float) -> Transform:
    """The transform with given numbers in place of random ones."""
    return transform._replace(
        draws=0, draw=lambda nothing, shape, step: transform.draw(jnp.array(numbers, jnp.float32), shape, step)
    )


def drawn(transform: Transform, shape: tuple[int, ...], number: int = 4000) -> Any:
    """Parameters of many examples."""
    numbers = np.random.default_rng(0).uniform(size=(number, transform.draws)).astype(np.float32)
    return jax.device_get(jax.jit(jax.vmap(lambda row: transform.draw(row, shape, STEP)))(numbers))
