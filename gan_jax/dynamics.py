"""How the players move when they move at once: each method is a function of a game's losses or of its vector field.

Both players step against the field. `gradient` makes it of the losses; every other method keeps its argument's type,
so that methods compose::

    method = chain(unrolled(5, 0.1), gradient, consensus(0.1), heun(0.02))

A method's rate is the length of its inner steps, which are those of plain gradient descent. It is usually the rate of
both players' optimisers.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gan_jax.errors import UserError
from gan_jax.trees import outline
from gan_jax.types import Array, Field, Losses, Params, Players

Method = Callable[[Losses], Field]


def chain(*parts: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The composition of functions, the first applied first.

    Args:
      *parts: Functions of losses, then `gradient`, then functions of fields.

    Returns:
      A function of the first one's argument.
    """
    return lambda start: functools.reduce(lambda value, part: part(value), parts, start)


def gradient(losses: Losses) -> Field:
    """The field of simultaneous gradient descent: each player's gradient of its own loss."""

    def field(params: Players[Params]) -> Players[Params]:
        return Players(
            critic=jax.grad(lambda critic: losses(params._replace(critic=critic)).critic)(params.critic),
            generator=jax.grad(lambda generator: losses(params._replace(generator=generator)).generator)(
                params.generator
            ),
        )

    return field


def unrolled(turns: int, rate: float) -> Callable[[Losses], Losses]:
    """The generator's loss is that against the critic after some steps of its own, which it differentiates through.

    All steps look at the same batch and latents. Metz 2017 (unrolled GANs), equations 4 to 7, with plain gradient
    descent as the critic's optimiser.

    Args:
      turns: The critic's steps.
      rate: The learning rate of these steps.
    """

    def wrap(losses: Losses) -> Losses:
        def ahead(params: Players[Params]) -> Players[Array]:
            def turn(critic: Params, _: None) -> tuple[Params, None]:
                slope = jax.grad(lambda critic: losses(params._replace(critic=critic)).critic)(critic)
                return moved(critic, slope, rate), None

            critic, _ = jax.lax.scan(turn, params.critic, length=turns)
            return Players(losses(params).critic, losses(params._replace(critic=critic)).generator)

        return ahead

    return wrap


def extragradient(rate: float) -> Callable[[Field], Field]:
    """The field after a step along it. Korpelevich 1976; Gidel 2019 (A variational inequality perspective on GANs)."""
    return lambda field: lambda params: field(moved(params, field(params), rate))


def heun(rate: float) -> Callable[[Field], Field]:
    """Heun's method, of the second order: the mean of the field here and after a step along it.

    Qin 2020 (ODE-GAN) compares it with Runge and Kutta's.
    """

    def wrap(field: Field) -> Field:
        def mean(params: Players[Params]) -> Players[Params]:
            here = field(params)
            return jax.tree.map(lambda a, b: (a + b) / 2, here, field(moved(params, here, rate)))

        return mean

    return wrap


def runge_kutta(rate: float) -> Callable[[Field], Field]:
    """The classical method of Runge and Kutta, of the fourth order, as in Qin 2020 (ODE-GAN)."""

    def wrap(field: Field) -> Field:
        def mean(params: Players[Params]) -> Players[Params]:
            first = field(params)
            second = field(moved(params, first, rate / 2))
            third = field(moved(params, second, rate / 2))
            fourth = field(moved(params, third, rate))
            return jax.tree.map(lambda a, b, c, d: (a + 2 * b + 2 * c + d) / 6, first, second, third, fourth)

        return mean

    return wrap


def consensus(weight: float) -> Callable[[Field], Field]:
    """Consensus optimisation: v + γ Jᵀv, as if both players also minimised γ ‖v‖² / 2.

    J is the Jacobian of the field v. Mescheder 2017 (The numerics of GANs), section 4.

    Args:
      weight: γ.
    """

    def wrap(field: Field) -> Field:
        def regularised(params: Players[Params]) -> Players[Params]:
            v, transposed = jax.vjp(field, params)
            check_field(v, params)
            return jax.tree.map(lambda v, jtv: v + weight * jtv, v, *transposed(v))

        return regularised

    return wrap


def symplectic(weight: float = 1.0) -> Callable[[Field], Field]:
    """Symplectic gradient adjustment: v + λ (Jᵀ - J) v / 2, which turns the field towards stable equilibria.

    Balduzzi 2018 (The mechanics of n-player differentiable games), section 3, without the alignment of λ's sign.

    Args:
      weight: λ.
    """

    def wrap(field: Field) -> Field:
        def adjusted(params: Players[Params]) -> Players[Params]:
            v, transposed = jax.vjp(field, params)
            check_field(v, params)
            _, jv = jax.jvp(field, (params,), (v,))
            return jax.tree.map(lambda v, jtv, jv: v + weight * (jtv - jv) / 2, v, *transposed(v), jv)

        return adjusted

    return wrap


def lookahead(optimizer: optax.GradientTransformation, period: int, rate: float = 0.5) -> optax.GradientTransformation:
    """optax's lookahead around a player's optimiser, with the slow parameters in the optimiser's state.

    After every `period` steps, the slow parameters move a part of the way to the player's, which go back to them.
    Zhang 2019 (Lookahead optimizer). With it on both players, this is Lookahead-minmax: Chavdarova 2021 (Taming GANs).

    Args:
      optimizer: The inner optimiser.
      period: Steps of the player from one time to the next.
      rate: The part of the way, from 0 to 1.
    """
    outer = optax.lookahead(optimizer, period, rate)

    def init(params: Params) -> Any:
        slow = jax.tree.map(jnp.copy, params)  # its own buffers, so that a state can be donated
        return outer.init(optax.LookaheadParams(params, slow)), slow

    def update(slopes: Params, state: Any, params: Params | None = None) -> tuple[Params, Any]:
        inner, slow = state
        steps, inner = outer.update(slopes, inner, optax.LookaheadParams(params, slow))
        return steps.fast, (inner, optax.apply_updates(slow, steps.slow))

    return optax.GradientTransformation(init, update)


def moved(params: Params, direction: Params, rate: float) -> Params:
    """The parameters after a step against a direction."""
    check_field(direction, params)
    return jax.tree.map(lambda p, slope: p - rate * slope, params, direction)


def check_field(value: Any, params: Params) -> None:
    """Raises UserError unless the value is that of a field at the parameters: a tree like them."""
    if callable(value) or outline(value) != outline(params):
        raise UserError(
            f"this {type(value).__name__} isn't the value of a field: a method maps losses to a field, so it has "
            "`gradient` before the functions of fields, and each part is called, as in chain(gradient, heun(0.1))"
        )
