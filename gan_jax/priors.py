"""The distributions of the generator's input: functions from one PRNG key to one latent example."""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.types import Array, Prior

PROBES = 1000  # draws that `truncated` looks at first


def normal(size: int) -> Prior:
    """Draws z ~ N(0, 1), [size].

    Args:
      size: The dimensions of a latent example.
    """
    return lambda key: jax.random.normal(key, (size,))


def uniform(size: int) -> Prior:
    """Draws z ~ U(-1, 1), [size].

    Args:
      size: The dimensions of a latent example.
    """
    return lambda key: jax.random.uniform(key, (size,), minval=-1.0, maxval=1.0)


def truncated(prior: Prior, limit: float) -> Prior:
    """Draws each entry again until it is from -limit to limit: BigGAN's truncation trick.

    A generator that was trained with `prior` makes better but less varied samples of the result, the lower the limit:
    `make_sampler(generator, truncated(normal(80), 0.5), conditions)`. Entries that are always whole numbers, such as
    one-hot codes, stay as they are. Brock 2019, section 3.1.

    Args:
      prior: Its entries are independent, but for those that are whole numbers.
      limit: The largest absolute value.

    Raises:
      ValueError: The limit isn't above 0, or so low that an entry is hardly ever within it.
    """
    if not limit > 0:
        raise UserError(f"truncation at {limit}: it must be above 0")
    with jax.ensure_compile_time_eval():
        probes = jax.vmap(prior)(jax.random.split(jax.random.key(0), PROBES))
        kept = jax.tree.map(lambda z: jnp.all(z == jnp.round(z), axis=0), probes)
        never = jax.tree.map(lambda z, kept: jnp.any(jnp.all(jnp.abs(z) > limit, axis=0) & ~kept), probes, kept)
        if any(map(bool, jax.tree.leaves(never))):
            raise UserError(f"truncation at {limit}: of {PROBES} draws, none of some entry is within it; raise it")

    def outside(z: Array) -> Array:
        return jax.tree.map(lambda z, kept: (jnp.abs(z) > limit) & ~kept, z, kept)

    def again(state: tuple[Array, Array]) -> tuple[Array, Array]:
        key, z = state
        key, fresh = jax.random.split(key)
        return key, jax.tree.map(jnp.where, outside(z), prior(fresh), z)

    def any_outside(state: tuple[Array, Array]) -> Array:
        return jnp.stack([jnp.any(leaf) for leaf in jax.tree.leaves(outside(state[1]))]).any()

    def draw(key: Array) -> Array:
        key, first = jax.random.split(key)
        return jax.lax.while_loop(any_outside, again, (key, prior(first)))[1]

    return draw


class Split(NamedTuple):
    """Codes or guesses at them, part by part.

    Attributes:
      categorical: [B, choices] for each categorical code: one-hot, or logits.
      continuous: [B, continuous].
    """

    categorical: list[Array]
    continuous: Array


class Codes(NamedTuple):
    """The codes at the end of a latent example: one-hot vectors, then numbers in [-1, 1]. Chen 2016 (InfoGAN).

    Attributes:
      categorical: The number of choices of each categorical code.
      continuous: The number of continuous codes.
    """

    categorical: tuple[int, ...] = ()
    continuous: int = 0

    @property
    def size(self) -> int:
        """Entries of a latent example that are codes."""
        return sum(self.categorical) + self.continuous

    def split(self, x: Array) -> Split:
        """Cuts the codes [B, size] into their parts."""
        ends = list(itertools.accumulate(self.categorical))
        *categorical, continuous = jnp.split(x, ends, axis=1)
        return Split(categorical, continuous)


def with_codes(noise: Prior, codes: Codes) -> Prior:
    """Draws noise [Z] and codes after it, [Z + codes.size].

    Args:
      noise: Another prior of vectors, such as `normal(62)`.
      codes: Each choice is equally likely, each continuous code uniform.
    """

    def draw(key: Array) -> Array:
        noise_key, *choice_keys, continuous_key = jax.random.split(key, len(codes.categorical) + 2)
        choices = [
            jax.nn.one_hot(jax.random.randint(choice_key, (), 0, number), number)
            for choice_key, number in zip(choice_keys, codes.categorical, strict=True)
        ]
        continuous = jax.random.uniform(continuous_key, (codes.continuous,), minval=-1.0, maxval=1.0)
        return jnp.concatenate([noise(noise_key), *choices, continuous])

    return draw
