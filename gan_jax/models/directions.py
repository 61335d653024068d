"""Directions in a model's latent space: found, saved and loaded."""

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax import latent
from gan_jax.errors import Missing, UserError
from gan_jax.evaluation.bars import each
from gan_jax.latent import Directions, Space
from gan_jax.models.model import Model
from gan_jax.models.programs import styles_of
from gan_jax.sample import concatenated, sample_keys
from gan_jax.storage.files import whole
from gan_jax.trees import outline, rows
from gan_jax.types import Array, Condition

Method = Literal["principal", "first_layer"]
NUM = 1024  # samples that principal directions are found from
BATCH = 64  # of them at a time
NO_DIRECTIONS = Directions(np.zeros((0, 0)), np.zeros(0), np.zeros(0))
MOST = 64  # directions of the first layer that a bundle keeps


def has_styles(model: Model) -> bool:
    """Whether the generator has styles, such as StyleGAN2's, which it takes in the place of z."""
    return styles_of(model, *batch_of_one(model)) is not None


def batch_of_one(model: Model) -> tuple[Any, Condition]:
    """The shapes of a batch of one latent and one condition, [1, ...]."""

    def batched(one: Any) -> Any:
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape), leaf.dtype), one)

    return batched(model.latent), batched(model.condition)


def space_of(model: Model) -> Space:
    """The space that directions lie in: that of styles if the generator has them, or else that of z.

    Raises:
      UserError: Latents aren't vectors.
    """
    if getattr(model.latent, "ndim", 0) != 1:
        raise UserError(f"latents {outline(model.latent)}: directions are for latents that are vectors")
    make = latent.style_space if has_styles(model) else latent.z_space
    return make(model.network, model.variables, model.prior)


def directions_of(model: Model, method: Method, count: int, seed: int = 0, number: int = 0) -> Directions:
    """Finds directions in the model's latent space.

    Args:
      model: The model.
      method: principal: the principal components of styles, or where there are none, those of samples, by the latents
        that lead along them. first_layer: those that move the first layer's outputs most.
      count: The number of directions.
      seed: Seed of the samples.
      number: The number of their condition, counted around the end: all have one, or directions would lead between
        classes.

    Raises:
      UserError: There are fewer directions, latents aren't vectors, or no layer takes them as they are.
    """
    return finder(model, method, seed, number)(count)


def most_directions(model: Model, method: Method, most: int, seed: int = 0, number: int = 0) -> Directions:
    """As many directions as there are, up to `most`; otherwise as `directions_of`."""
    find = finder(model, method, seed, number)
    for count in range(most, 1, -1):
        with contextlib.suppress(UserError):  # there are fewer
            return find(count)
    return find(1)


def finder(model: Model, method: Method, seed: int, number: int) -> Callable[[int], Directions]:
    """Draws what directions are found from, and returns the function from their number to them."""
    space, latents, noise, condition = drawn(model, seed, number)
    if method == "first_layer":
        return functools.partial(of_first_layer, model, space, latents)
    if has_styles(model):
        return functools.partial(latent.principal_directions, latents, latents)
    make = jax.jit(space.generate)
    parts = []
    for first in each(range(0, NUM, BATCH), "samples", "batch"):
        part = slice(first, first + BATCH)
        samples = make(latents[part], noise[part], jax.tree.map(lambda leaf, part=part: leaf[part], condition))
        parts.append(jax.device_get(jax.tree.map(lambda leaf: leaf.reshape(BATCH, -1), samples)))
    activations = np.concatenate(jax.tree.leaves(concatenated(parts)), 1)
    others = drawn(model, seed, number, first=NUM)[1]  # latents vary more along directions that were fitted to them

    def find(count: int) -> Directions:
        found = latent.principal_directions(latents, activations, count)
        return found._replace(scales=(others @ found.vectors.T).std(0))

    return find


def drawn(
    model: Model, seed: int, number: int | np.ndarray = 0, first: int = 0
) -> tuple[Space, np.ndarray, Array, Condition]:
    """The space, and the latents [NUM, D], the noise's keys and the conditions of samples from the first one on."""
    space = space_of(model)
    keys, noise = sample_keys(jax.random.key(seed), jnp.arange(first, first + NUM))
    condition = rows(model.conditions, np.broadcast_to(number, NUM))
    latents = jax.jit(space.draw)(keys, condition)
    return space, np.asarray(latents), noise, condition


def of_first_layer(model: Model, space: Space, latents: np.ndarray, count: int) -> Directions:
    """Those of the first layer: a bundle's own, or found in the generator's code."""
    if model.first_layer is not None:
        known, size = model.first_layer.vectors.shape
        if not known:
            raise UserError("this bundle has no directions of the first layer: take the principal ones")
        if size != latents.shape[1]:
            raise UserError(f"the bundle has directions of {size} entries, and its latents have {latents.shape[1]}")
        if not 1 <= count <= known:
            raise UserError(f"{count} directions: the bundle has {known} of the first layer")
        return Directions(*(part[:count] for part in model.first_layer))
    return latent.factorised_directions(latents, kernel_of(model, space, latents.shape[1]), count)


def kernel_of(model: Model, space: Space, size: int) -> np.ndarray:
    """The kernels of the layers that latents enter first, side by side: [size, outputs]."""
    one = jax.tree.map(lambda leaf: leaf[:1], model.conditions)
    kernels = latent.first_kernels(lambda latents: space.generate(latents, None, one), size)
    return np.concatenate([np.asarray(kernel) for kernel in kernels], 1)


def all_of_first_layer(model: Model) -> Directions | None:
    """As many directions of the first layer as there are, up to MOST, for a bundle; None if there are none."""
    try:
        space, latents, *_ = drawn(model, 0)
        kernel = kernel_of(model, space, latents.shape[1])
    except UserError:
        return None
    count = min(MOST, int(np.linalg.matrix_rank(kernel, rtol=2e-5)))
    return latent.factorised_directions(latents, kernel, count) if count else None


def save(found: Directions, model: Model, file: Path) -> None:
    """Writes directions to a .npz file."""
    with whole(file) as part, part.open("wb") as stream:
        np.savez(stream, **found._asdict(), of=named_space(model))


def load(file: Path, model: Model) -> Directions:
    """Reads directions that `save` wrote.

    Raises:
      Missing: There is no such file.
      UserError: It isn't one, or belongs to another latent space.
    """
    if not file.is_file():
        raise Missing(f"{file}: no such file; `gan-jax directions` makes it")
    try:
        with np.load(file, allow_pickle=False) as stored:
            found = Directions(*(np.asarray(stored[name], np.float64) for name in Directions._fields))
            of = str(stored["of"])
    except (ValueError, KeyError, OSError, EOFError, TypeError) as error:
        raise UserError(f"{file} holds no directions ({error}): `gan-jax directions` makes them") from error
    check_directions(found)
    if of != named_space(model):
        raise UserError(f"{file} holds directions of {of[:40]}, and these latents are {named_space(model)}")
    return found


def check_directions(found: Directions) -> None:
    """Raises UserError unless these are numbers of the shapes of directions."""
    shapes = {found.scales.shape, found.shares.shape}
    if found.vectors.ndim != 2 or shapes != {found.vectors.shape[:1]}:
        raise UserError(f"its directions are {outline(found)}")
    if not all(np.isfinite(part).all() for part in found):
        raise UserError("its directions hold numbers that aren't finite")


def named_space(model: Model) -> str:
    """The latent space's name and size, as "styles of 512"."""
    keys, condition = jax.random.split(jax.random.key(0), 1), rows(model.conditions, np.arange(1))
    shape = jax.eval_shape(space_of(model).draw, keys, condition)
    return f"{'styles' if has_styles(model) else 'z'} of {jax.tree.leaves(shape)[0].shape[-1]}"


def walks_along(model: Model, found: Directions, seed: int, number: int, frames: int, span: float) -> Any:
    """Moves a sample along each direction.

    Args:
      model: The model.
      found: K directions.
      seed: Seed of the samples.
      number: The sample of that seed, which keeps its noise and its condition.
      frames: Samples along each direction.
      span: How far on both sides, in standard deviations; a single frame is the sample itself.

    Returns:
      Samples, a tree of [K, frames, ...].
    """
    space = space_of(model)
    keys, noise = sample_keys(jax.random.key(seed), jnp.array([number]))
    condition = rows(model.conditions, np.array([number]))
    start = space.draw(keys, condition)
    amounts = np.linspace(-span, span, frames) if frames > 1 else np.zeros(1)
    make = jax.jit(space.generate)
    walks = []
    for vector, scale in zip(found.vectors, found.scales):
        latents = start + jnp.asarray(amounts[:, None] * scale * vector, start.dtype)
        same = jax.tree.map(lambda leaf: jnp.repeat(leaf, frames, 0), (noise, condition))
        walks.append(jax.device_get(make(latents, *same)))
    return jax.tree.map(lambda *leaves: np.stack(leaves), *walks)
