"""Inversion: the latents of a given sample."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial
from numpy.typing import NDArray

from gan_jax.errors import UserError
from gan_jax.latent.space import as_argument
from gan_jax.trees import squared_norms
from gan_jax.types import Array, Seen

LEAST = 1e-12  # the least length or square to divide by


class Inversion(NamedTuple):
    """Where the search for a sample's latents stands.

    Attributes:
      step: The steps done.
      latents: Of each start, a tree of [S, ...].
      losses: Of each start, [S].
      samples: Made from the latents, a tree of [S, ...].
    """

    step: int
    latents: Any
    losses: NDArray
    samples: Any

    @property
    def best(self) -> int:
        """The start with the least loss."""
        return int(np.argmin(self.losses))


def invert(
    generate: Callable[[Any], Any],
    target: Any,
    starts: Any,
    look: Callable[[Any], Seen] | None = None,
    *,
    keep: Callable[[Any], Any] = lambda latents: latents,
    weight: float = 1.0,
    rate: float = 0.1,
    steps: int = 500,
    every: int = 50,
) -> Iterator[Inversion]:
    """Searches for latents whose sample is like the target, by Adam from several starts at once.

    The loss of a start is d(features) + weight · d(sample), where d is the squared distance from the target's, relative
    to the target's square. The learning rate falls to 0 along half a cosine, as in StyleGAN2's projection (Karras 2020,
    appendix D), without its noise.

    Args:
      generate: Latents [S, ...] -> samples, each from its own latents alone. Keep the noise and the condition fixed:
        `Partial(space.generate, keys=keys, condition=condition)`.
      target: One sample, a tree of [...].
      starts: The first latents, a tree of [S, ...]: draws of the prior, or styles. Each search ends in the valley
        that it begins in, so take several, such as those of the least loss in the first yield of a search from many.
      look: Samples -> features [B, D], as `Features.look`; None: the loss has its second term only.
      keep: Applied to latents after each step, such as `within`.
      weight: Of the samples' distance.
      rate: The learning rate at first.
      steps: The number of steps.
      every: After how many steps to yield.

    Yields:
      The start, then the state after every so many steps, and after the last.
    """
    if min(steps, every) < 1:
        raise UserError(f"{steps} steps, every {every}: both must be 1 or more")
    optimizer = optax.adam(optax.cosine_decay_schedule(rate, steps))
    given = as_argument(generate), look and as_argument(look), goal_of(target, look)

    def judged(latents: Any, made: Partial, seen: Partial | None, goal: Goal) -> tuple[Array, Any]:
        samples = made(latents)
        return losses(samples, goal, seen, weight), samples

    @jax.jit
    def advance(state: tuple[Any, Any], count: int, *given: Any) -> tuple[tuple[Any, Any], tuple[Array, Any]]:
        def step(_: Array, state: tuple[Any, Any]) -> tuple[Any, Any]:
            latents, moments = state
            slope = jax.grad(lambda latents: judged(latents, *given)[0].sum())(latents)
            updates, moments = optimizer.update(slope, moments)
            return keep(optax.apply_updates(latents, updates)), moments

        state = jax.lax.fori_loop(0, count, step, state)
        return state, judged(state[0], *given)

    latents = jax.tree.map(jnp.asarray, starts)
    state = latents, optimizer.init(latents)
    ends = [0, *range(every, steps, every), steps]
    for begin, end in zip([0, *ends], ends):
        state, results = advance(state, end - begin, *given)
        yield Inversion(end, *jax.device_get((state[0], *results)))


class Goal(NamedTuple):
    """What samples should be like.

    Attributes:
      sample: A tree of [1, ...].
      features: Its features [1, D]; None if only samples are compared.
    """

    sample: Any
    features: Array | None


def goal_of(target: Any, look: Callable[[Any], Seen] | None) -> Goal:
    """The goal of a target, a tree of [...]."""
    sample = jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], target)
    return Goal(sample, None if look is None else jax.jit(as_argument(look))(sample).features)


def losses(samples: Any, goal: Goal, look: Callable[[Any], Seen] | None, weight: float) -> Array:
    """d(features) + weight · d(sample) of samples, a tree of [S, ...]: [S]."""
    loss = weight * distances(samples, goal.sample)
    return loss if look is None else loss + distances(look(samples).features, goal.features)


def distances(x: Any, goal: Any) -> Array:
    """The squared distance of each example [B, ...] from the goal [1, ...], relative to the goal's square, [B]."""
    apart = jax.tree.map(lambda x, goal: x - jnp.broadcast_to(goal, x.shape), x, goal)
    return squared_norms(apart) / jnp.maximum(squared_norms(goal), LEAST)


def within(draws: Any) -> Callable[[Any], Any]:
    """Keeps latents plausible: within the lengths and the ranges of entries that draws have. For `invert`.

    A prior of many normal entries draws from a thin shell, in which Menon 2020 (PULSE) searches; a uniform one from a
    box, to which Lipton & Tripathi 2017 clip.

    Args:
      draws: Latents of the prior, or styles, a tree of [N, ..., D]; their length is that of their last axis.

    Returns:
      Latents, a tree of [S, ..., D] -> the same, of lengths and then with entries in the draws' ranges. Several styles
      for each example, [S, layers, D], are kept where draws of one style are.
    """

    def bounds(draws: Array) -> tuple[Array, ...]:
        lengths = jnp.linalg.norm(draws, axis=-1)
        return lengths.min(), lengths.max(), draws.min(0), draws.max(0)

    def kept(latents: Array, bounds: tuple[Array, ...]) -> Array:
        shortest, longest, low, high = bounds
        length = jnp.linalg.norm(latents, axis=-1, keepdims=True)
        scaled = latents * (jnp.clip(length, shortest, longest) / jnp.maximum(length, LEAST))
        return jnp.clip(scaled, *(jnp.broadcast_to(bound, latents.shape) for bound in (low, high)))

    of_draws = jax.tree.map(bounds, draws)
    return lambda latents: jax.tree.map(kept, latents, of_draws)
