"""Drawing from a trained generator. Sample i of a key is the same, however many are drawn."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.errors import UserError
from gan_jax.keys import fold_each
from gan_jax.trees import as_output, outline, rows
from gan_jax.types import Array, Condition, Mode, Network, Prior, Variables

CHUNK = 64  # samples are drawn in chunks of this size, so their rounding doesn't depend on the number drawn


def make_sampler(
    generator: Network, prior: Prior, conditions: Condition = None
) -> Callable[[Variables, Array, int], Any]:
    """Makes the function (variables, key, count) -> samples, a tree of [count, ...].

    Args:
      generator: The network.
      prior: Draws its latent examples.
      conditions: A tree of [N, ...]; sample i gets condition i mod N. A `Source` has them in `conditions`. None if the
        game is unconditional.
    """
    check_conditions(conditions)
    draw = make_draw(generator, prior)

    def sample(variables: Variables, key: Array, count: int) -> Any:
        return concatenated(draw(variables, key, count, conditions))

    return sample


def make_draw(generator: Network, prior: Prior) -> Callable[[Variables, Array, int, Condition], Iterator[Any]]:
    """Makes the function (variables, key, count, conditions) -> samples in chunks [n, ...], for more than memory holds.

    Sample i gets condition i mod N of the tree of [N, ...]. None means that the game is unconditional.

    Args:
      generator: The network.
      prior: Draws its latent examples.
    """

    @jax.jit
    def chunk(variables: Variables, key: Array, first: Array, condition: Condition) -> Any:
        keys = sample_keys(key, first + jnp.arange(CHUNK))
        return generate(generator, variables, jax.vmap(prior)(keys[0]), keys[1], condition)

    def draw(variables: Variables, key: Array, count: int, conditions: Condition) -> Iterator[Any]:
        for first in range(0, count, CHUNK):
            condition = rows(conditions, np.arange(first, first + CHUNK))
            samples = jax.device_get(chunk(variables, key, jnp.int32(first), condition))
            yield jax.tree.map(lambda leaf, left=count - first: leaf[:left], samples)

    return draw


def make_walker(
    generator: Network, prior: Prior, conditions: Condition = None
) -> Callable[[Variables, Array, int, int], Any]:
    """Makes the function (variables, key, count, frames) -> samples along walks in latent space.

    Samples are a tree of [count, frames, ...]. Walk i starts at sample i of the key and ends one frame before sample
    i + 1; the last ends before sample 0, so the walks form a closed path. A walk keeps the condition and the noise of
    its first frame.

    Args:
      generator: The network.
      prior: Draws its latent examples.
      conditions: A tree of [N, ...]; walk i has condition i mod N. None if the game is unconditional.
    """
    check_conditions(conditions)
    draw = make_draw_walks(generator, prior)

    def walk(variables: Variables, key: Array, count: int, frames: int) -> Any:
        return as_walks(concatenated(draw(variables, key, count, frames, conditions)), count)

    return walk


def make_draw_walks(
    generator: Network, prior: Prior
) -> Callable[[Variables, Array, int, int, Condition], Iterator[Any]]:
    """Makes the function (variables, key, count, frames, conditions) -> the samples of walks in chunks [n, ...].

    They are those of `make_walker`, one walk after the other: `as_walks` undoes this.

    Args:
      generator: The network.
      prior: Draws its latent examples.
    """

    @jax.jit
    def chunk(variables: Variables, key: Array, count: Array, place: Array, frames: Array, condition: Condition) -> Any:
        begin, share = place // frames % count, place % frames / frames
        keys = sample_keys(key, begin)
        starts, ends = (jax.vmap(prior)(each) for each in (keys[0], sample_keys(key, (begin + 1) % count)[0]))
        return generate(generator, variables, interpolated(starts, ends, share), keys[1], condition)

    def draw(variables: Variables, key: Array, count: int, frames: int, conditions: Condition) -> Iterator[Any]:
        for first in range(0, count * frames, CHUNK):
            place = np.arange(first, first + CHUNK, dtype=np.int32)
            condition = rows(conditions, place // frames % count)
            samples = jax.device_get(chunk(variables, key, jnp.int32(count), place, jnp.int32(frames), condition))
            yield jax.tree.map(lambda leaf, left=count * frames - first: leaf[:left], samples)

    return draw


def as_walks(samples: Any, count: int) -> Any:
    """A tree of [count * frames, ...] as one of [count, frames, ...]."""
    return jax.tree.map(lambda leaf: leaf.reshape(count, -1, *leaf.shape[1:]), samples)


def check_conditions(conditions: Condition) -> None:
    """Refuses anything but a tree of arrays [N, ...] with one N."""
    sizes = {np.shape(leaf)[:1] for leaf in jax.tree.leaves(conditions)}
    if len(sizes) > 1 or sizes & {(), (0,)}:
        raise UserError(
            f"conditions {outline(conditions)}: give a tree of [N, ...] with one N of 1 or more, such as "
            "np.arange(classes), or None"
        )


def concatenated(chunks: Iterable[Any]) -> Any:
    """Joins trees of [n, ...] to one."""
    return jax.tree.map(lambda *leaves: np.concatenate(leaves), *chunks)


def sample_keys(key: Array, number: Array) -> tuple[Array, Array]:
    """Each sample's keys, for its latent example and for the network's noise: [N] each."""
    latent, noise = jax.vmap(jax.random.split, out_axes=1)(fold_each(key, number))
    return latent, noise


def generate(generator: Network, variables: Variables, z: Any, keys: Array | None, condition: Condition) -> Any:
    """The generator's samples at latents z, as in evaluation; both are trees of [B, ...]."""
    return as_output(generator.apply(*variables, z, condition, Mode(train=False, keys=keys))[0]).y


def interpolated(starts: Any, ends: Any, shares: Array) -> Any:
    """The latent examples `between` trees of [B, ...], each at its own share [B] of the way."""
    return jax.tree.map(lambda start, end: jax.vmap(between)(start, end, shares), starts, ends)


def between(start: Array, end: Array, share: Array) -> Array:
    """Interpolates latent examples: the direction goes along a great circle, the length linearly.

    A straight line would pass closer to 0 than a prior of many dimensions ever draws. White 2016, section 2.1.
    """
    lengths = jnp.linalg.norm(start), jnp.linalg.norm(end)
    directions = [x / jnp.maximum(length, 1e-12) for x, length in zip((start, end), lengths)]
    cosine = jnp.vdot(*directions)
    no_circle = (jnp.abs(cosine) > 1 - 1e-6) | (jnp.minimum(*lengths) < 1e-12)  # they span no plane: take a line
    angle = jnp.arccos(jnp.where(no_circle, 0.0, cosine))
    from_start, from_end = (jnp.sin(part * angle) / jnp.sin(angle) for part in (1 - share, share))
    length = (1 - share) * lengths[0] + share * lengths[1]
    arc = length * (from_start * directions[0] + from_end * directions[1])
    return jnp.where(no_circle, (1 - share) * start + share * end, arc)
