"""From a page's controls to latents and samples. Nothing here knows of the page."""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gan_jax import priors
from gan_jax.errors import UserError
from gan_jax.latent import Directions, Space, mean_latent, toward_mean
from gan_jax.models import inversion
from gan_jax.models.directions import batch_of_one, space_of
from gan_jax.models.model import Model
from gan_jax.models.programs import styles_of
from gan_jax.sample import concatenated, sample_keys
from gan_jax.trees import rows, size_of
from gan_jax.types import Array, Condition

GRID = 24  # samples in the grid, which divides into 2, 3, 4 and 6 columns
LAST = 2**31 - 1  # the largest number of a sample


@dataclasses.dataclass(frozen=True)
class Choice:
    """What the controls choose: sample `number` of a seed, and how it is changed.

    Attributes:
      seed: The seed of the sample.
      number: Its number.
      condition: The number of its condition; None: that of the sample's number.
      truncation: How near styles are drawn to their mean (psi), or the largest entry of z; None: not truncated.
      latent: A latent in the place of the sample's own.
      other: The seed and number of a sample to mix in.
      share: How much of the other sample is mixed in, from 0 to 1.
      layer: The first layer that gets styles of the other.
      offset: What is added to the latent, [D].
    """

    seed: int = 0
    number: int = 0
    condition: int | None = None
    truncation: float | None = None
    latent: NDArray | None = None
    other: tuple[int, int] = (1, 0)
    share: float = 0.0
    layer: int = 0
    offset: NDArray | float = 0.0


class Points(NamedTuple):
    """Everything that samples are made of.

    Attributes:
      latents: [N, D], or styles for each layer, [N, layers, D].
      noise: [N], the keys of the noise.
      condition: A tree of [N, ...], or None.
    """

    latents: Array
    noise: Array
    condition: Condition


@dataclasses.dataclass(frozen=True)
class Explorer:
    """A generator to explore.

    Attributes:
      model: The generator.
      layers: The number of layers that take styles; 0 if latents are z.
      size: The entries of a latent, D.
      mean: The mean style, [D]; 0 if latents are z.
      space: The largest entry of z, or None -> the space of latents.
    """

    model: Model
    layers: int
    size: int
    mean: Array | float
    space: Callable[[float | None], Space]

    @property
    def conditions(self) -> int:
        """The number of conditions to choose from; 0 in an unconditional game."""
        return 0 if self.model.conditions is None else size_of(self.model.conditions)

    def condition(self, choice: Choice) -> int:
        """The number of a choice's condition; 0 in an unconditional game."""
        number = choice.number if choice.condition is None else choice.condition
        return number % max(1, self.conditions)

    def points(self, choices: Sequence[Choice]) -> Points:
        """The latents of choices that share everything but numbers and their own latents.

        Raises:
          UserError: A choice is out of range.
        """
        for choice in choices:
            check(self, choice)
        first = choices[0]
        limit = None if self.layers else first.truncation
        latents, noise, condition = self.drawn(choices, limit)
        if first.share:
            others = [dataclasses.replace(choice, seed=choice.other[0], number=choice.other[1]) for choice in choices]
            others = [dataclasses.replace(other, latent=None) for other in others]
            latents = mixed(self.space(None), latents, self.drawn(others, limit).latents, first.share, first.layer)
        psi = 1.0 if first.truncation is None or not self.layers else first.truncation
        return Points(moved(latents, self.mean, psi, jnp.asarray(first.offset, jnp.float32)), noise, condition)

    def drawn(self, choices: Sequence[Choice], limit: float | None) -> Points:
        """The latents of choices before any change."""
        numbers = np.array([choice.number for choice in choices], np.int32)
        condition = rows(self.model.conditions, np.array([self.condition(choice) for choice in choices]))
        latents, noise = draw(self.space(limit), jax.random.key(choices[0].seed), numbers, condition)
        if self.layers:
            latents = jnp.repeat(latents[:, None], self.layers, 1)
        for place, choice in enumerate(choices):
            if choice.latent is not None:
                latents = latents.at[place].set(jnp.asarray(choice.latent, jnp.float32))
        return Points(latents, noise, condition)

    def samples(self, points: Points) -> Any:
        """The samples of points, a tree of [N, ...].

        Raises:
          UserError: They aren't finite.
        """
        count = len(points.latents)
        if count > 1:  # in chunks of one size, for which the generator is compiled once
            starts = range(0, count, GRID)
            parts = [jax.tree.map(lambda leaf, at=at: leaf[around(at, count)], points) for at in starts]
        else:
            parts = [points]
        made = concatenated(jax.device_get(generate(self.space(None), *part)) for part in parts)
        if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(made)):
            raise UserError(f"samples of {self.model.name} aren't finite here: move nearer to the prior's latents")
        return jax.tree.map(lambda leaf: leaf[:count], made)

    def walk(self, choices: Sequence[Choice], frames: int) -> Any:
        """Samples along the closed path from each choice to the next, a tree of [choices, frames, ...]."""
        stops = self.points(choices)
        here = np.repeat(np.arange(len(choices)), frames)
        starts, ends = stops.latents[here], stops.latents[(here + 1) % len(choices)]
        shares = np.tile(np.arange(frames, dtype=np.float32) / frames, len(choices))
        between = on_the_way(self.space(None), starts, ends, shares)
        kept = jax.tree.map(lambda leaf: leaf[here], (stops.noise, stops.condition))
        samples = self.samples(Points(between, *kept))
        return jax.tree.map(lambda leaf: leaf.reshape(len(choices), frames, *leaf.shape[1:]), samples)


def explorer_of(model: Model) -> Explorer:
    """Makes a generator ready to explore.

    Raises:
      UserError: Its latents aren't vectors.
    """

    @functools.cache
    def space(limit: float | None) -> Space:
        return space_of(model if limit is None else model._replace(prior=priors.truncated(model.prior, limit)))

    own = space(None)  # refuses latents that aren't vectors
    styles = styles_of(model, *batch_of_one(model))
    if styles is None:
        return Explorer(model, 0, model.latent.shape[0], 0.0, space)
    mean = mean_latent(own, jax.random.key(0), conditions=model.conditions)
    _, layers, size = styles.shape
    return Explorer(model, layers, size, mean, space)


def check(explorer: Explorer, choice: Choice) -> None:
    """Raises UserError for a choice that is out of range."""
    for name, seed, number in (("", choice.seed, choice.number), ("other ", *choice.other)):
        if not 0 <= seed < 2**32:
            raise UserError(f"{name}seed {seed}: it must be 0 or more, below 2**32")
        if not 0 <= number <= LAST:
            raise UserError(f"{name}sample {number}: it must be 0 or more, below 2**31")
    if choice.condition is not None and not 0 <= choice.condition < explorer.conditions:
        raise UserError(f"condition {choice.condition}: there are {explorer.conditions}, from 0")
    if not 0 <= choice.share <= 1:
        raise UserError(f"share {choice.share}: it must be from 0 to 1")
    if not 0 <= choice.layer <= explorer.layers:
        raise UserError(f"layer {choice.layer}: it must be from 0 to {explorer.layers}")


def offset_of(found: Directions, amounts: Sequence[float]) -> NDArray:
    """The sum of directions, each by so many standard deviations, [D]."""
    count = len(amounts)
    return (np.asarray(amounts) * found.scales[:count]) @ found.vectors[:count]


def as_text(explorer: Explorer, choice: Choice) -> str:
    """The latent and the condition of a choice as JSON, as `gan-jax invert` writes them; equal styles only once."""
    latent = np.asarray(explorer.points([choice]).latents[0])
    once = latent[0] if latent.ndim == 2 and (latent == latent[0]).all() else latent
    kept = inversion.Kept(once, explorer.condition(choice), (choice.seed, choice.number))
    return inversion.as_text(explorer.model, kept)


def of_text(explorer: Explorer, text: str) -> inversion.Kept:
    """Reads JSON that `as_text` or `gan-jax invert` wrote.

    Raises:
      UserError: It is something else.
    """
    kept = inversion.of_text(explorer.model, text)
    if kept.latent.ndim == 2 and len(kept.latent) != explorer.layers:
        raise UserError(f"styles of {len(kept.latent)} layers, and this generator has {explorer.layers}")
    return kept


def around(start: int, count: int) -> NDArray:
    """The numbers of a chunk, counted around the end."""
    return np.arange(start, start + GRID) % count


@jax.jit
def draw(space: Space, key: Array, numbers: Array, condition: Condition) -> tuple[Array, Array]:
    """The latents [N, D] and the keys of the noise [N] of samples of a seed, as `make_sampler` draws them."""
    latent, noise = sample_keys(key, numbers)
    return space.draw(latent, condition), noise


@jax.jit
def mixed(space: Space, starts: Array, ends: Array, share: Array, layer: Array) -> Array:
    """Goes a share of the way, in z or in the styles of all layers from one on."""
    there = space.between(starts, ends, jnp.full(len(starts), share))
    if starts.ndim == 2:
        return there
    return jnp.where(jnp.arange(starts.shape[1])[None, :, None] >= layer, there, starts)


@jax.jit
def moved(latents: Array, mean: Array, psi: Array, offset: Array) -> Array:
    """Draws latents towards their mean, then adds an offset."""
    mean = jnp.broadcast_to(mean, latents.shape[1:])
    return toward_mean(latents, mean, psi) + jnp.broadcast_to(offset, latents.shape)


@jax.jit
def on_the_way(space: Space, starts: Array, ends: Array, shares: Array) -> Array:
    return space.between(starts, ends, shares)


@jax.jit
def generate(space: Space, latents: Array, noise: Array, condition: Condition) -> Any:
    return space.generate(latents, noise, condition)
