"""The latents of a given example: searched for from several starts, and kept as text."""

import json
import operator
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from gan_jax import latent
from gan_jax.errors import UserError
from gan_jax.latent import Inversion
from gan_jax.latent.inversion import goal_of, losses
from gan_jax.models.directions import NUM, drawn, named_space
from gan_jax.models.model import Model, check_condition
from gan_jax.sample import sample_keys
from gan_jax.trees import rows, size_of
from gan_jax.types import Array, Seen

TRIED = 16  # draws for each start, of which the best are taken


class Kept(NamedTuple):
    """What a sample is made of, to make it again.

    Attributes:
      latent: A latent vector [D], or styles [layers, D].
      condition: The number of its condition; None in an unconditional game.
      noise_of: The seed and the number of the sample whose noise it has.
    """

    latent: np.ndarray
    condition: int | None
    noise_of: tuple[int, int]


def invert(
    model: Model,
    target: np.ndarray,
    look: Callable[[Any], Seen] | None,
    *,
    starts: int,
    steps: int,
    seed: int,
    number: int | None = None,
    weight: float = 1.0,
) -> tuple[np.ndarray, Iterator[Inversion]]:
    """Searches for the latents of an example, from those draws whose samples are most like it.

    Args:
      model: The model.
      target: The example, [...].
      look: Samples -> features that should agree too; None: only the samples themselves.
      starts: How many latents the search starts from.
      steps: Its steps.
      seed: Seed of the starts.
      number: The condition, by its number; None: draws differ in it, and the best wins.
      weight: Of the samples' own distance.

    Returns:
      The number of each start's condition, and the search's states, about a hundred. All have the noise of the seed's
      sample 0.
    """
    space, draws, *_ = drawn(model, seed, numbers_of(model, NUM, number))
    keys, noise = sample_keys(jax.random.key(seed), jnp.arange(TRIED * starts))
    numbers = numbers_of(model, TRIED * starts, number)
    goal = goal_of(target, look)

    def drawn_from(chosen: np.ndarray) -> tuple[Array, Any]:
        """The latents of some of the draws, and the generator with their conditions and the noise of the first."""
        condition = rows(model.conditions, numbers[chosen])
        generate = Partial(space.generate, keys=jnp.repeat(noise[:1], len(chosen)), condition=condition)
        return space.draw(keys[chosen], condition), generate

    @jax.jit
    def losses_of(latents: Array, generate: Partial) -> Array:
        return losses(generate(latents), goal, look, weight)

    parts = np.split(np.arange(TRIED * starts), TRIED)
    tried = np.concatenate([jax.device_get(losses_of(*drawn_from(part))) for part in parts])
    if not np.isfinite(tried).all():
        raise UserError(f"samples of {model.name} at step {model.step} aren't finite: has it diverged?")
    chosen = np.sort(np.argsort(tried, kind="stable")[:starts])
    latents, generate = drawn_from(chosen)
    states = latent.invert(
        generate, target, latents, look, keep=latent.within(draws), weight=weight, steps=steps, every=-(-steps // 100)
    )
    return numbers[chosen], states


def numbers_of(model: Model, starts: int, number: int | None) -> np.ndarray:
    """The number of each start's condition.

    Raises:
      UserError: There is no such condition.
    """
    if number is None:
        return np.arange(starts) % (1 if model.conditions is None else size_of(model.conditions))
    check_condition(model, number)
    return np.full(starts, number)


def as_text(model: Model, kept: Kept) -> str:
    """A sample's latent as JSON, to keep, or to load in `gan-jax explore`."""
    parts = {
        "of": named_space(model),
        "condition": None if model.conditions is None else kept.condition,
        "noise_of": kept.noise_of,
        "latent": np.asarray(kept.latent, float).tolist(),
    }
    return json.dumps(parts)


def of_text(model: Model, text: str) -> Kept:
    """Reads what `as_text` wrote.

    Raises:
      UserError: It holds none, or that of another latent space.
    """
    wanted = named_space(model)
    try:
        found = json.loads(text)
        vector, condition = np.asarray(found["latent"], np.float32), found["condition"]
        seed, number = map(operator.index, found["noise_of"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise UserError(
            f"no latent vector ({type(error).__name__}): copy one from here or from `gan-jax invert`"
        ) from error
    name, size = wanted.split()[0], vector.shape[-1] if vector.ndim else 0
    if found.get("of") != wanted or f"{name} of {size}" != wanted or vector.ndim > 1 + (name == "styles"):
        raise UserError(f"a latent vector of {str(found.get('of'))[:40]}, and this generator's are {wanted}")
    if not np.isfinite(vector).all():
        raise UserError("the latent vector holds numbers that aren't finite")
    if condition is not None:
        check_condition(model, condition if isinstance(condition, int) else -1)
    return Kept(vector, condition, (seed, number))
