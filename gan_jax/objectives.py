"""The algebra of objectives. A composite has the type of its parts, so it composes further."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.keys import fold
from gan_jax.trees import check_alike
from gan_jax.types import Array, Game, Loss, Objective, State, Terms


def add(**terms: Objective) -> Objective:
    """The sum of named terms. Each draws from its own keys and has its own state.

    Args:
      **terms: Objectives by name. The names become those of the metrics, such as `critic/NAME`.

    Raises:
      ValueError: A term is no objective.
    """
    for name, term in terms.items():
        check_objective(term, name)
        if "/" in name:
            raise UserError(f"a term is named {name!r}: the slash stands for a term within a term, so leave it out")

    def total(parts: dict[str, Loss]) -> Loss | None:
        def loss(game: Game) -> tuple[Terms, State]:
            states = dict(game.state)
            values = {}
            for index, (name, part) in enumerate(parts.items()):
                own = game._replace(keys=fold(game.keys, index), state=states.get(name, ()))
                values[name], states[name] = evaluate(part, own)
            return values, with_arrays(states)

        return loss if parts else None

    return Objective(
        critic=total({name: term.critic for name, term in terms.items() if term.critic is not None}),
        generator=total({name: term.generator for name, term in terms.items() if term.generator is not None}),
        init=lambda: with_arrays({name: term.init() for name, term in terms.items()}),
    )


def with_arrays(states: dict[str, State]) -> State:
    """The states that hold any array; () if there are none."""
    return {name: state for name, state in states.items() if jax.tree.leaves(state)} or ()


def scale(term: Objective, factor: float | Callable[[Array], Array]) -> Objective:
    """The term times a factor.

    Args:
      term: An objective.
      factor: A number, or a schedule: a function of the step, such as optax's.

    Raises:
      ValueError: The term is no objective.
    """
    check_objective(term, "the term")

    def apply(loss: Loss, game: Game) -> tuple[Terms, State]:
        value = factor(game.step) if callable(factor) else factor
        terms, state = evaluate(loss, game)
        return jax.tree.map(lambda part: value * part, terms), state

    return both(term, apply)


def every(interval: int, term: Objective) -> Objective:
    """Lazy regularisation: `interval` times the term at every `interval`-th step, nothing between.

    On average this is the term itself. Its state changes only at those steps, and its metric is 0 at all others: so is
    every line of a run's metrics, if both the interval and `--log-every` are even. Karras 2020 (StyleGAN2), appendix B.

    Args:
      interval: Steps from one to the next, 1 or more.
      term: An objective.

    Raises:
      ValueError: An interval below 1, or the term is no objective.
    """
    check_objective(term, "the term")
    if interval < 1:
        raise UserError(f"interval {interval}: it must be 1 or more")
    if interval == 1:
        return term

    def apply(loss: Loss, game: Game) -> tuple[Terms, State]:
        def now() -> tuple[Terms, State]:
            terms, state = evaluate(loss, game)
            return jax.tree.map(lambda part: interval * part, terms), state

        zeros = jax.tree.map(lambda part: jnp.zeros(part.shape, part.dtype), jax.eval_shape(now)[0])
        return jax.lax.cond(game.step % interval == 0, now, lambda: (zeros, game.state))

    return both(term, apply)


def check_objective(term: Objective, name: str) -> None:
    """Refuses a function that wasn't called, a number in the place of a term, and the like."""
    if not isinstance(term, Objective):
        called = ": call it" if callable(term) else ": give one, such as penalties.r1()"
        raise UserError(f"{name} is {getattr(term, '__name__', repr(term))}, not an Objective{called}")


def both(term: Objective, apply: Callable[[Loss, Game], tuple[Terms, State]]) -> Objective:
    """The objective whose losses are `apply(loss, game)`, for the players that have one."""

    def wrap(loss: Loss | None) -> Loss | None:
        return None if loss is None else lambda game: apply(loss, game)

    return Objective(wrap(term.critic), wrap(term.generator), term.init)


def evaluate(loss: Loss, game: Game) -> tuple[Terms, State]:
    """A loss's terms and next state.

    Raises:
      ValueError: The loss returns something else, such as terms alone, or a state unlike the one that it got.
    """
    result = loss(game)
    if not isinstance(result, tuple) or len(result) != 2:
        raise UserError(
            f"a loss returns {type(result).__name__}: it must return (terms, state), as in `return terms, game.state`, "
            "or be made by losses.adversarial or penalties.critic_penalty"
        )
    terms, state = result
    check_alike(game.state, state, "a term")
    return terms, state
