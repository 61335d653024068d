"""The algebra of objectives. A composite has the type of its parts, so it composes further."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gan_jax.keys import fold
from gan_jax.types import Array, Game, Loss, Objective, Terms


def add(**terms: Objective) -> Objective:
    """The sum of named terms. Each draws from its own keys.

    Args:
      **terms: Objectives by name. The names become those of the metrics, such as `critic/NAME`.
    """

    def total(parts: dict[str, Loss]) -> Loss | None:
        def loss(game: Game) -> Terms:
            return {
                name: part(game._replace(keys=fold(game.keys, index)))
                for index, (name, part) in enumerate(parts.items())
            }

        return loss if parts else None

    return Objective(
        critic=total({name: term.critic for name, term in terms.items() if term.critic is not None}),
        generator=total({name: term.generator for name, term in terms.items() if term.generator is not None}),
    )


def scale(term: Objective, factor: float | Callable[[Array], Array]) -> Objective:
    """The term times a factor.

    Args:
      term: An objective.
      factor: A number, or a schedule: a function of the step, such as optax's.
    """

    def apply(loss: Loss, game: Game) -> Terms:
        value = factor(game.step) if callable(factor) else factor
        return jax.tree.map(lambda part: value * part, loss(game))

    return both(term, apply)


def every(interval: int, term: Objective) -> Objective:
    """Lazy regularisation: `interval` times the term at every `interval`-th step, nothing between.

    On average this is the term itself. Karras 2020 (StyleGAN2), appendix B.

    Args:
      interval: Steps from one to the next.
      term: An objective.
    """

    def apply(loss: Loss, game: Game) -> Terms:
        zeros = jax.tree.map(lambda part: jnp.zeros(part.shape, part.dtype), jax.eval_shape(lambda: loss(game)))
        return jax.lax.cond(
            game.step % interval == 0,
            lambda: jax.tree.map(lambda part: interval * part, loss(game)),
            lambda: zeros,
        )

    return both(term, apply)


def both(term: Objective, apply: Callable[[Loss, Game], Terms]) -> Objective:
    """The objective whose losses are `apply(loss, game)`, for the players that have one."""

    def wrap(loss: Loss | None) -> Loss | None:
        return None if loss is None else lambda game: apply(loss, game)

    return Objective(wrap(term.critic), wrap(term.generator))
