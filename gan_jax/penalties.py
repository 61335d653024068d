"""Penalties on the critic. Each is an `Objective` without a loss for the generator.

A gradient penalty differentiates the critic's logit with respect to its *input*, and trains the critic's parameters
through that derivative. Neither a gradient with respect to the parameters nor one through stop_gradient is a gradient
penalty: the first says nothing about the slope in data space, and the second has no gradient of its
own, so it trains nothing.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from gan_jax.types import Array, Game, Objective


def critic_penalty(penalty: Callable[[Game], Array]) -> Objective:
    """Turns a function of the game into an objective of the critic alone.

    Args:
      penalty: A game -> the penalty of each example, [B].
    """
    return Objective(critic=penalty, generator=None)


def interpolates(game: Game) -> Array:
    """A uniform point on the line from each real example to its fake one, [B, ...]. Gulrajani 2017, algorithm 1."""
    weight = draw_each(game.keys, jax.random.uniform, game.real.ndim)
    return weight * game.real + (1 - weight) * game.fake


def real_points(game: Game) -> Array:
    """The real examples [B, ...]."""
    return game.real


def fake_points(game: Game) -> Array:
    """The fake examples [B, ...]."""
    return game.fake


def around_real(game: Game) -> Array:
    """Real examples [B, ...] plus uniform noise up to half the data's standard deviation. Kodali 2017, section 2.3."""
    spread = 0.5 * jnp.sqrt(jnp.maximum(game.mean(game.real**2) - game.mean(game.real) ** 2, 0.0))
    return game.real + spread * jax.vmap(lambda key, x: jax.random.uniform(key, x.shape))(game.keys, game.real)


def gradient_penalty(target: float = 1.0, *, at: Callable[[Game], Array] = interpolates) -> Objective:
    """(‖∇D(x)‖ - target)²: the two-sided penalty of WGAN-GP. Gulrajani 2017, eq. 3.

    Args:
      target: The slope without a penalty.
      at: The points x [B, ...]: `interpolates`, `real_points`, `fake_points`, `around_real`, or any function of the
        game.
    """
    return critic_penalty(lambda game: (slope(game.critic, at(game)) - target) ** 2)


def lipschitz_penalty(target: float = 1.0, *, at: Callable[[Game], Array] = interpolates) -> Objective:
    """max(0, ‖∇D(x)‖ - target)²: the one-sided penalty of WGAN-LP. Petzka 2018, eq. 8.

    Args:
      target: The largest slope without a penalty.
      at: The points x [B, ...], as in `gradient_penalty`.
    """
    return critic_penalty(lambda game: jnp.maximum(0.0, slope(game.critic, at(game)) - target) ** 2)


def dragan() -> Objective:
    """The gradient penalty near real examples. Kodali 2017."""
    return gradient_penalty(at=around_real)


def r1() -> Objective:
    """½‖∇D(x)‖² at real examples, so that `scale(r1(), γ)` is Mescheder 2018, eq. 9."""
    return critic_penalty(lambda game: 0.5 * squared_slope(game.critic, game.real))


def r2() -> Objective:
    """½‖∇D(x)‖² at fake examples. Mescheder 2018, eq. 10."""
    return critic_penalty(lambda game: 0.5 * squared_slope(game.critic, game.fake))


def drift() -> Objective:
    """D(x)² at real examples, to keep a Wasserstein critic near zero. Karras 2018, appendix A.1."""
    return critic_penalty(lambda game: game.logits.real**2)


def squared_slope(critic: Callable[[Array], Array], x: Array) -> Array:
    """‖∇D(x)‖² over all dimensions of each example, in float32 or better.

    Args:
      critic: x [B, ...] -> logits [B], each of its own example.
      x: [B, ...].

    Returns:
      [B].
    """
    gradient = jax.grad(lambda x: jnp.sum(critic(x)))(x)
    gradient = gradient.astype(jnp.promote_types(gradient.dtype, jnp.float32))
    return jnp.sum(gradient**2, axis=range(1, gradient.ndim))


def slope(critic: Callable[[Array], Array], x: Array) -> Array:
    """‖∇D(x)‖ [B], exact, with derivative 0 instead of NaN where it is 0; see `squared_slope`."""
    squared = squared_slope(critic, x)
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)


def draw_each(keys: Array, draw: Callable[[Array], Array], ndim: int) -> Array:
    """Draws one number for each key [B], shaped to broadcast: [B, 1, ...] of `ndim` axes."""
    return jax.vmap(draw)(keys).reshape(-1, *[1] * (ndim - 1))
