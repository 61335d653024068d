"""Penalties on the critic. Each is an `Objective` without a loss for the generator.

A gradient penalty differentiates the critic's logit with respect to its *input*, and trains the critic's parameters
through that derivative. Neither a gradient with respect to the parameters nor one through stop_gradient is a gradient
penalty: the first says nothing about the slope in data space, and the second has no gradient of its
own, so it trains nothing.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from gan_jax import averages
from gan_jax.errors import UserError
from gan_jax.keys import fold, fold_leaves
from gan_jax.trees import mean_of, root, squared_norms, sum_of
from gan_jax.types import Array, Augment, Game, Objective, Pair, State, Terms


def critic_penalty(penalty: Callable[[Game], Terms]) -> Objective:
    """Turns a function of the game into an objective of the critic alone.

    Args:
      penalty: A game -> the penalty of each example, [B].
    """
    return Objective(critic=lambda game: (penalty(game), game.state), generator=None)


def interpolates(game: Game) -> Any:
    """A uniform point on the line from each real example to its fake one, [B, ...]. Gulrajani 2017, algorithm 1."""
    weights = jax.vmap(jax.random.uniform)(game.keys)

    def between(real: Array, fake: Array) -> Array:
        weight = weights.reshape(-1, *[1] * (real.ndim - 1))
        return weight * real + (1 - weight) * fake

    return jax.tree.map(between, game.real, game.fake)


def real_points(game: Game) -> Any:
    """The real examples [B, ...]."""
    return game.real


def fake_points(game: Game) -> Any:
    """The fake examples [B, ...]."""
    return game.fake


def around_real(game: Game) -> Any:
    """Real examples [B, ...] plus uniform noise up to half the data's standard deviation. Kodali 2017, section 2.3."""

    def noisy(keys: Array, real: Array) -> Array:
        spread = 0.5 * jnp.sqrt(jnp.maximum(game.mean(real**2) - game.mean(real) ** 2, 0.0))
        return real + spread * jax.vmap(lambda key, x: jax.random.uniform(key, x.shape))(keys, real)

    return jax.tree.map(noisy, fold_leaves(game.keys, game.real), game.real)


def gradient_penalty(target: float = 1.0, *, at: Callable[[Game], Any] = interpolates) -> Objective:
    """(‖∇D(x)‖ - target)²: the two-sided penalty of WGAN-GP. Gulrajani 2017, eq. 3.

    Args:
      target: The slope without a penalty.
      at: The points x [B, ...]: `interpolates`, `real_points`, `fake_points`, `around_real`, or any function of the
        game.
    """
    return critic_penalty(lambda game: (slope(game.critic, at(game)) - target) ** 2)


def lipschitz_penalty(target: float = 1.0, *, at: Callable[[Game], Any] = interpolates) -> Objective:
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
    return critic_penalty(lambda game: jax.tree.map(jnp.square, game.logits.real))


def lecam(decay: float = 0.99) -> Objective:
    """(D(x) - α_fake)² + (D(G(z)) - α_real)²: logits stay near the other kind's moving average. Tseng 2021, eq. 4.

    The averages α include the batch's own logits and have no initial value; several heads share them. Published weights
    are 0.01 to 0.3.

    Args:
      decay: The decay of the averages, at least 0 and less than 1.
    """
    averages.check_decay(decay)

    def critic(game: Game) -> tuple[Terms, State]:
        means = Pair(*(mean_of(logits, game.mean) for logits in game.logits))
        state = averages.follow(game.state, jax.lax.stop_gradient(means), decay)

        def apart(logits: Any, anchor: Array) -> Terms:
            return jax.tree.map(lambda x: (x - anchor) ** 2, logits)

        real, fake = apart(game.logits.real, state.mean.fake), apart(game.logits.fake, state.mean.real)
        return {"real": real, "fake": fake}, state

    return Objective(critic, None, init=lambda: averages.start(Pair(jnp.zeros(()), jnp.zeros(()))))


def consistency(augment: Augment, *, real: float = 1.0, fake: float = 1.0) -> Objective:
    """(D(x) - D(T(x)))² of real and of fake examples: balanced consistency, bCR. Zhao 2020 (ICR), algorithm 3.

    Args:
      augment: T, such as `augment.chain(augment.flip(), augment.translate())`; its first state is used.
      real: The weight at real examples. The paper's weights are 10 for both.
      fake: The weight at fake examples.

    Raises:
      ValueError: T is no augmentation.
    """
    if not isinstance(augment, Augment):
        raise UserError("consistency takes an augmentation, such as augment.chain(augment.flip())")

    def penalty(game: Game) -> Terms:
        def apart(use: int, x: Any, logits: Any, weight: float) -> Terms:
            moved = augment.apply(augment.init(), fold(game.keys, use), x, game.step)
            return jax.tree.map(lambda a, b: weight * (a - b) ** 2, logits, game.critic(moved))

        return {
            "real": apart(0, game.real, game.logits.real, real),
            "fake": apart(1, game.fake, game.logits.fake, fake),
        }

    return critic_penalty(penalty)


def squared_slope(critic: Callable[[Any], Any], x: Any) -> Array:
    """‖∇D(x)‖² over all dimensions of each example, in float32 or better, where D is the sum of an example's logits.

    Args:
      critic: x -> logits, trees of [B, ...], each of its own example.
      x: A tree of [B, ...].

    Returns:
      [B].
    """
    return squared_norms(jax.grad(lambda x: sum_of(map(jnp.sum, jax.tree.leaves(critic(x)))))(x))


def slope(critic: Callable[[Any], Any], x: Any) -> Array:
    """‖∇D(x)‖ [B], exact, with derivative 0 instead of NaN where it is 0; see `squared_slope`."""
    return root(squared_slope(critic, x))
