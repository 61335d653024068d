"""Penalties on the critic: each an Objective in which the generator has no stake.

A gradient penalty differentiates the critic's logit by its *input*, and lets the critic's parameters be trained
through that derivative. Taking the gradient by the parameters, or cutting it with stop_gradient, gives a number
that may be added to a loss but isn't a gradient penalty: it says nothing of the slope in the space of the data, and
once cut, its own gradient is zero and it trains nothing.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gan_jax.types import Array, Game, Objective


def critic_penalty(penalty: Callable[[Game], Array]) -> Objective:
    """Lifts a function of the game, giving [B], to a term of the critic's."""
    return Objective(critic=penalty, generator=None)


def interpolates(game: Game) -> Array:
    """One point [B, ...] on each line from a real to a fake example. Gulrajani 2017, algorithm 1."""
    weight = draw_each(game.keys, jax.random.uniform, game.real.ndim)
    return weight * game.real + (1 - weight) * game.fake


def real_points(game: Game) -> Array:
    return game.real


def fake_points(game: Game) -> Array:
    return game.fake


def around_real(game: Game) -> Array:
    """Real examples with uniform noise up to half the data's standard deviation. Kodali 2017, section 2.3."""
    spread = 0.5 * jnp.sqrt(jnp.maximum(game.mean(game.real**2) - game.mean(game.real) ** 2, 0.0))
    return game.real + spread * jax.vmap(lambda key, x: jax.random.uniform(key, x.shape))(game.keys, game.real)


def gradient_penalty(target: float = 1.0, *, at: Callable[[Game], Array] = interpolates) -> Objective:
    """(‖∇D(x)‖ - target)², from both sides. Gulrajani 2017, eq. 3.

    at: the points x, [B, ...]: `interpolates`, `real_points`, `fake_points`, or a function of the game.
    """
    return critic_penalty(lambda game: (slope(game.critic, at(game)) - target) ** 2)


def lipschitz_penalty(target: float = 1.0, *, at: Callable[[Game], Array] = interpolates) -> Objective:
    """max(0, ‖∇D(x)‖ - target)²: the one-sided penalty of WGAN-LP. Petzka 2018, eq. 8."""
    return critic_penalty(lambda game: jnp.maximum(0.0, slope(game.critic, at(game)) - target) ** 2)


def dragan() -> Objective:
    """A gradient penalty around the real data. Kodali 2017."""
    return gradient_penalty(at=around_real)


def r1() -> Objective:
    """½‖∇D(x)‖² at real examples. The ½ is here, so `scale(r1(), γ)` is Mescheder 2018, eq. 9, as it stands."""
    return critic_penalty(lambda game: 0.5 * squared_slope(game.critic, game.real))


def r2() -> Objective:
    """½‖∇D(x)‖² at fake examples. Mescheder 2018, eq. 10."""
    return critic_penalty(lambda game: 0.5 * squared_slope(game.critic, game.fake))


def drift() -> Objective:
    """D(x)² at real examples, to keep a Wasserstein critic near zero. Karras 2018, appendix A.1."""
    return critic_penalty(lambda game: game.logits.real**2)


def squared_slope(critic: Callable[[Array], Array], x: Array) -> Array:
    """‖∇D(x)‖² of each example over all of its dimensions, in float32 or better: [B, ...] -> [B]."""
    gradient = jax.grad(lambda x: jnp.sum(critic(x)))(x)
    gradient = gradient.astype(jnp.promote_types(gradient.dtype, jnp.float32))
    return jnp.sum(gradient**2, axis=range(1, gradient.ndim))


def slope(critic: Callable[[Array], Array], x: Array) -> Array:
    """‖∇D(x)‖, exact, with derivative 0 instead of NaN where it is 0."""
    squared = squared_slope(critic, x)
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)


def draw_each(keys: Array, draw: Callable[[Array], Array], ndim: int) -> Array:
    """One number an example, shaped to broadcast: [B] -> [B, 1, ...]."""
    return jax.vmap(draw)(keys).reshape(-1, *[1] * (ndim - 1))
