"""The spaces that a generator's latents lie in, their means, and truncation towards them."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from gan_jax.errors import UserError
from gan_jax.keys import fold_each
from gan_jax.sample import generate, interpolated
from gan_jax.trees import as_output, outline, rows
from gan_jax.types import Array, Condition, Mode, Network, Output, Prior, Variables

BATCH = 64  # latents that samples are made from at a time


class Space(NamedTuple):
    """Where latents lie: trees of [B, ...]. Keys are [B], the condition is a tree of [B, ...] or None.

    The functions of `z_space` and `style_space` are pytrees (`Partial`), so such a space may be an argument under jit.

    Attributes:
      draw: (keys, condition) -> latents.
      between: (starts, ends, shares [B]) -> latents on the way from the starts to the ends.
      generate: (latents, keys of the noise or None, condition) -> samples, a tree of [B, ...].
    """

    draw: Callable[[Array, Condition], Any]
    between: Callable[[Any, Any, Array], Any]
    generate: Callable[[Any, Array | None, Condition], Any]


def z_space(generator: Network, variables: Variables, prior: Prior) -> Space:
    """The space of the generator's input. Ways follow great circles, as in `make_walker`.

    Args:
      generator: The network.
      variables: Its variables.
      prior: Draws its latent examples.
    """

    def draw(keys: Array, condition: Condition) -> Any:
        del condition
        return jax.vmap(prior)(keys)

    return Space(Partial(draw), Partial(interpolated), Partial(functools.partial(generate, generator), variables))


def style_space(generator: Network, variables: Variables, prior: Prior) -> Space:
    """The space of the generator's styles [B, size], which all layers share. Ways are straight lines.

    `generate` also takes a style for each layer, [B, layers, size].

    Args:
      generator: A network such as StyleGAN2's: `Output.extra` holds styles [B, layers, size], and it takes such styles
        in the place of z.
      variables: Its variables.
      prior: Draws its latent examples.

    Raises:
      ValueError: The generator has no styles, which shows when the space is used.
    """

    def made(variables: Variables, z: Any, condition: Condition) -> Output:
        output = as_output(generator.apply(*variables, z, condition, Mode())[0])
        if getattr(output.extra, "ndim", 0) != 3:
            raise UserError(
                f"this generator's Output.extra is {outline(output.extra)}, not styles [B, layers, size]: use its z"
            )
        return output

    def draw(variables: Variables, keys: Array, condition: Condition) -> Array:
        return made(variables, jax.vmap(prior)(keys), condition).extra[:, 0]

    def make(variables: Variables, styles: Array, keys: Array | None, condition: Condition) -> Any:
        if styles.ndim == 2:
            z = jax.vmap(prior)(jax.random.split(jax.random.key(0), len(styles)))
            layers = jax.eval_shape(made, variables, z, condition).extra.shape[1]
            styles = jnp.repeat(styles[:, None], layers, axis=1)
        return generate(generator, variables, styles, keys, condition)

    return Space(Partial(draw, variables), Partial(straight), Partial(make, variables))


def straight(starts: Array, ends: Array, shares: Array) -> Array:
    """Points on straight lines between rows [B, ...], each at its own share [B] of the way."""
    shares = shares.reshape(-1, *[1] * (starts.ndim - 1))
    return (1 - shares) * starts + shares * ends


def mean_latent(space: Space, key: Array, num: int = 10_000, conditions: Condition = None) -> Any:
    """The mean of latents, such as the mean style, a tree of [...].

    Args:
      space: Where to draw them.
      key: A PRNG key.
      num: How many to draw.
      conditions: A tree of [N, ...]; latent i is drawn under condition i mod N. None if the game is unconditional.
    """
    check_num(num)
    total = None
    for first in range(0, num, BATCH):
        numbers = np.arange(first, first + BATCH)
        latents = drawn(as_argument(space.draw), fold_each(key, numbers), rows(conditions, numbers))
        sums = jax.tree.map(lambda leaf, left=num - first: leaf[:left].sum(0), latents)
        total = sums if total is None else jax.tree.map(jnp.add, total, sums)
    return jax.tree.map(lambda leaf: leaf / num, total)


@jax.jit
def drawn(draw: Callable[[Array, Condition], Any], keys: Array, condition: Condition) -> Any:
    """`Space.draw`, compiled."""
    return draw(keys, condition)


def as_argument(function: Callable) -> Partial:
    """A function as an argument of compiled functions, where the arrays that a Partial holds are arguments too."""
    return function if isinstance(function, Partial) else Partial(function)


def toward_mean(latents: Any, mean: Any, psi: float | Array) -> Any:
    """Latents drawn towards their mean, for better and less varied samples. Karras 2019 (StyleGAN), appendix B.

    For z, whose mean gives no better samples, see `priors.truncated`. StyleGAN2's generator as a whole is truncated by
    `nets.stylegan2.truncated`.

    Args:
      latents: Styles, a tree of [B, ...].
      mean: The `mean_latent`, a tree of [...].
      psi: The distance from the mean, relative to before: 1 changes nothing, and 0 gives the mean.
    """
    return jax.tree.map(lambda leaf, mean: mean[None] + psi * (leaf - mean[None]), latents, mean)


def check_num(num: int) -> None:
    """Refuses to average over nothing."""
    if num < 1:
        raise UserError(f"{num} latents: draw 1 or more")
