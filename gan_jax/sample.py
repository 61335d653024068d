"""Drawing from a trained generator. Sample i of a key is the same, however many are drawn."""

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.keys import fold_each
from gan_jax.types import Array, Condition, Mode, Network, Prior, Variables

CHUNK = 64  # samples are drawn in chunks of this size, so their rounding doesn't depend on the number drawn


def make_sampler(generator: Network, prior: Prior, classes: int) -> Callable[[Variables, Array, int], np.ndarray]:
    """Makes the function (variables, key, count) -> samples [count, ...].

    Args:
      generator: The network.
      prior: Draws its latent examples.
      classes: The number of classes; sample i is of class i mod `classes`. 0 if the generator has none.
    """
    draw = make_draw(generator, prior)

    def sample(variables: Variables, key: Array, count: int) -> np.ndarray:
        return np.concatenate(list(draw(variables, key, count, np.arange(classes) if classes else None)))

    return sample


def make_draw(
    generator: Network, prior: Prior
) -> Callable[[Variables, Array, int, np.ndarray | None], Iterator[np.ndarray]]:
    """Makes the function (variables, key, count, labels) -> samples in chunks [n, ...], for more than memory holds.

    Sample i has label i mod L of `labels` [L]. None means that the generator has no classes.

    Args:
      generator: The network.
      prior: Draws its latent examples.
    """

    @jax.jit
    def chunk(variables: Variables, key: Array, first: Array, condition: Condition) -> Array:
        keys = sample_keys(key, first + jnp.arange(CHUNK))
        return generate(generator, variables, jax.vmap(prior)(keys[0]), keys[1], condition)

    def draw(variables: Variables, key: Array, count: int, labels: np.ndarray | None) -> Iterator[np.ndarray]:
        for first in range(0, count, CHUNK):
            place = np.arange(first, first + CHUNK)
            label = None if labels is None else labels[place % len(labels)].astype(np.int32)
            yield jax.device_get(chunk(variables, key, jnp.int32(first), label))[: count - first]

    return draw


def make_walker(generator: Network, prior: Prior, classes: int) -> Callable[[Variables, Array, int, int], np.ndarray]:
    """Makes the function (variables, key, count, frames) -> samples [count, frames, ...] along walks in latent space.

    Walk i starts at sample i of the key and ends one frame before sample i + 1; the last ends before sample 0, so the
    walks form a closed path. A walk keeps the label and the noise of its first frame.

    Args:
      generator: The network.
      prior: Draws its latent examples.
      classes: The number of classes; walk i is of class i mod `classes`. 0 if the generator has none.
    """

    @jax.jit
    def chunk(variables: Variables, key: Array, count: Array, frames: Array, first: Array) -> Array:
        place = first + jnp.arange(CHUNK)
        begin, share = place // frames % count, place % frames / frames
        keys = sample_keys(key, begin)
        ends = [jax.vmap(prior)(latent) for latent in (keys[0], sample_keys(key, (begin + 1) % count)[0])]
        z = jax.vmap(between)(ends[0], ends[1], share)
        return generate(generator, variables, z, keys[1], begin % classes if classes else None)

    def walk(variables: Variables, key: Array, count: int, frames: int) -> np.ndarray:
        places = range(0, count * frames, CHUNK)
        chunks = [chunk(variables, key, *map(jnp.int32, (count, frames, first))) for first in places]
        samples = np.concatenate(jax.device_get(chunks))[: count * frames]
        return samples.reshape(count, frames, *samples.shape[1:])

    return walk


def sample_keys(key: Array, number: Array) -> tuple[Array, Array]:
    """Each sample's keys, for its latent example and for the network's noise: [N] each."""
    latent, noise = jax.vmap(jax.random.split, out_axes=1)(fold_each(key, number))
    return latent, noise


def generate(generator: Network, variables: Variables, z: Array, keys: Array, condition: Condition) -> Array:
    """The generator's samples [B, ...] at latents z [B, ...], as in evaluation."""
    return generator.apply(*variables, z, condition, Mode(train=False, keys=keys))[0]


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
