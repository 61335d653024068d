"""Further tasks for the players, from results that networks give beside logits and examples.

A critic gives such results as `Output(logits, extra)`, where `extra` is a dict of [B, ...]: most critics of `nets` take
`heads={"classes": 10}`, which adds linear outputs and the features under them.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gan_jax.errors import UserError
from gan_jax.priors import Codes
from gan_jax.trees import outline, sum_of
from gan_jax.types import Array, Game, Objective, State, Terms


def classification(head: str = "classes") -> Objective:
    """The critic also names the class of each example, and the generator makes examples that show theirs. ACGAN.

    Both minimise cross-entropies: the critic of real and of fake examples, the generator of its own. Odena 2017,
    section 3. Conditions must be class numbers [B].

    Args:
      head: The critic's class logits [B, classes] in `extra`.
    """

    def critic(game: Game) -> tuple[Terms, State]:
        return {
            "real": cross_entropy(found(game.extra.real, head), game.condition),
            "fake": cross_entropy(found(game.extra.fake, head), game.condition),
        }, game.state

    def generator(game: Game) -> tuple[Terms, State]:
        return cross_entropy(found(game.extra.fake, head), game.condition), game.state

    return Objective(critic, generator)


def information(codes: Codes, head: str = "codes", *, continuous_weight: float = 0.1) -> Objective:
    """The critic recovers the codes in the latents of fake examples, so they must show. InfoGAN, Chen 2016, eq. 5.

    Both players minimise -log Q(code | example), up to a constant: a cross-entropy for each categorical code, and for
    each continuous one half the squared error, as of a normal Q of variance 1.

    Args:
      codes: Those of the prior: `priors.with_codes` of the same codes. Latents without codes can't be told apart from
        latents with them, and train nothing of use.
      head: The critic's guesses [B, codes.size] in `extra`: logits of each categorical code, then means.
      continuous_weight: Of the continuous codes, relative to the categorical ones. The paper has 0.1 on digits.

    Raises:
      ValueError: There are no codes, or, in the update, the latents or the critic's guesses have no room for them.
    """
    if not codes.size:
        raise UserError("there are no codes to inform about: give some, such as Codes(categorical=(10,))")

    def loss(game: Game) -> tuple[Terms, State]:
        guess = found(game.extra.fake, head)
        check_codes(codes, head, guess, game.z)
        guesses, truths = (codes.split(x) for x in (guess, game.z[:, -codes.size :]))
        terms: dict[str, Array] = {}
        if codes.categorical:
            pairs = zip(guesses.categorical, truths.categorical, strict=True)
            terms["categorical"] = sum_of(optax.softmax_cross_entropy(guess, truth) for guess, truth in pairs)
        if codes.continuous:
            squares = (guesses.continuous - truths.continuous) ** 2
            terms["continuous"] = continuous_weight * 0.5 * jnp.sum(squares, 1)
        return terms, game.state

    return Objective(loss, loss)


def feature_matching(head: str = "features") -> Objective:
    """‖E f(x) - E f(G(z))‖²: the generator matches the mean features of the critic. Salimans 2016, section 3.1.

    The means are over the batch on all devices. The published generator minimises nothing else; add this one to an
    adversarial loss of the critic alone (`Objective(losses.hinge().critic, None)`), or to a whole one.

    Args:
      head: The critic's features in `extra`, [B, ...] or a tree of them, such as a list of layers.
    """

    def apart(game: Game, real: Array, fake: Array) -> Array:
        return jnp.sum((mean_example(game, real) - mean_example(game, fake)) ** 2)

    def generator(game: Game) -> tuple[Terms, State]:
        real, fake = (found(extra, head) for extra in game.extra)
        return jax.tree.map(functools.partial(apart, game), real, fake), game.state

    return Objective(critic=None, generator=generator)


def reconstruction(
    target: Callable[[Game], Any] | None = None,
    made: Callable[[Game], Any] | None = None,
    *,
    distance: Callable[[Array], Array] = jnp.abs,
) -> Objective:
    """The generator's examples resemble a target, one for one: pix2pix's term (Isola 2017, eq. 3).

    With conditions that belong to the real examples, such as edges, the target is the real example. A cycle (Zhu 2017,
    eq. 2) has `made=lambda game: game.generator(game.z, game.fake).y`.

    Args:
      target: A game -> a tree of [B, ...]; by default the real examples.
      made: A game -> a tree like it; by default the fake examples.
      distance: Of each difference: `jnp.abs` (L1) or `jnp.square` (L2). Its mean is taken over each example.
    """

    def generator(game: Game) -> tuple[Terms, State]:
        goal = game.real if target is None else target(game)
        result = game.fake if made is None else made(game)
        if outline(result) != outline(goal):
            raise UserError(f"reconstruction of {outline(goal)} by {outline(result)}: they must be alike")
        return jax.tree.map(lambda a, b: jnp.mean(distance(a - b), range(1, a.ndim)), result, goal), game.state

    return Objective(critic=None, generator=generator)


def found(extra: Any, head: str) -> Array:
    """One result of the critic's `extra`.

    Raises:
      ValueError: There is no such result.
    """
    if isinstance(extra, dict) and head in extra:
        return extra[head]
    given = "nothing but logits" if extra is None else f"logits and {outline(extra)}"
    raise UserError(
        f"a term of the objective wants the critic's {head!r}, and the critic gives {given}: let it return "
        f"Output(logits, {{{head!r}: ...}}), as most critics of gan_jax.nets do with heads={{...}}"
    )


def check_codes(codes: Codes, head: str, guesses: Array, z: Any) -> None:
    """Refuses guesses or latents of shapes that don't hold the codes."""
    if guesses.shape[1:] != (codes.size,):
        raise UserError(f"the critic's {head!r} must be guesses [B, {codes.size}] and is {outline(guesses)}")
    if getattr(z, "ndim", None) != 2 or z.shape[1] < codes.size:
        raise UserError(
            f"codes are at the end of latents [B, {codes.size}] or more, as `priors.with_codes` draws them, "
            f"and these are {outline(z)}"
        )


def cross_entropy(logits: Array, condition: Any) -> Array:
    """-log p(class) [B], for logits [B, classes] and class numbers [B]."""
    if getattr(condition, "shape", None) != logits.shape[:1] or not jnp.issubdtype(condition.dtype, jnp.integer):
        given = "no condition" if condition is None else f"the condition {outline(condition)}"
        raise UserError(f"a classification term got {given}: it needs one class number per example, int [B]")
    return optax.softmax_cross_entropy_with_integer_labels(logits, condition)


def mean_example(game: Game, x: Array) -> Array:
    """The mean [...] of x [B, ...] over the batch on all devices."""
    flat = x.reshape(x.shape[0], -1)
    return jax.vmap(game.mean, in_axes=1)(flat)
