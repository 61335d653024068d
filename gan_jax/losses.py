"""The adversarial losses: each player's loss as a function of the logits of one batch.

A logit is the critic's last output, before any sigmoid; D = sigmoid(logit). `real` and `fake` are logits [B, ...], and
so is the loss: only play.py takes the mean.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax.nn import log_sigmoid, softplus

from gan_jax.errors import UserError
from gan_jax.trees import sum_of
from gan_jax.types import Array, Game, Loss, Objective, State, Terms

OfLogits: TypeAlias = Callable[[Array, Array], Array]  # real [B, ...], fake [B, ...] -> loss [B, ...]


def adversarial(critic: OfLogits, generator: OfLogits) -> Objective:
    """The game in which each player minimises its own function of the logits.

    Where the critic gives a tree of logits (heads, scales), each leaf has its loss, and they are summed.

    Args:
      critic: (real, fake), [B, ...] each -> the critic's loss [B, ...].
      generator: (real, fake), [B, ...] each -> the generator's loss [B, ...].
    """

    def of(player: OfLogits) -> Loss:
        return lambda game: (jax.tree.map(player, game.logits.real, game.logits.fake), game.state)

    return Objective(of(critic), of(generator))


def minimax() -> Objective:
    """min_G max_D E[log D(x)] + E[log(1 - D(G(z)))]. Goodfellow 2014, eq. 1.

    The generator minimises log(1 - D), whose gradient fades as the critic wins.
    """
    return adversarial(critic=cross_entropy, generator=lambda real, fake: log_sigmoid(-fake))


def non_saturating() -> Objective:
    """The minimax critic, and a generator that minimises -log D instead. Goodfellow 2014, section 3."""
    return adversarial(critic=cross_entropy, generator=lambda real, fake: softplus(-fake))


def cross_entropy(real: Array, fake: Array) -> Array:
    """-log D(x) - log(1 - D(G(z))), finite for logits of any size."""
    return softplus(-real) + softplus(fake)


def wasserstein() -> Objective:
    """E[f(x)] - E[f(G(z))] for a critic kept 1-Lipschitz by other means. Arjovsky 2017, eq. 2."""
    return adversarial(critic=lambda real, fake: fake - real, generator=lambda real, fake: -fake)


def hinge() -> Objective:
    """The hinge loss. Lim & Ye 2017; Miyato 2018, eq. 16 and 17."""
    return adversarial(
        critic=lambda real, fake: jnp.maximum(0.0, 1 - real) + jnp.maximum(0.0, 1 + fake),
        generator=lambda real, fake: -fake,
    )


def least_squares() -> Objective:
    """Targets 1 for real, 0 for fake, 1 for the generator. Mao 2017, eq. 2 and 9."""
    return adversarial(
        critic=lambda real, fake: 0.5 * (real - 1) ** 2 + 0.5 * fake**2,
        generator=lambda real, fake: 0.5 * (fake - 1) ** 2,
    )


def relativistic() -> Objective:
    """RpGAN: each real example against its fake partner. Jolicoeur-Martineau 2018; R3GAN, Huang 2024, eq. 2."""
    return adversarial(
        critic=lambda real, fake: softplus(fake - real),
        generator=lambda real, fake: softplus(real - fake),
    )


def relativistic_average() -> Objective:
    """RaGAN: each example against the mean of the other kind, over every device. Jolicoeur-Martineau 2018."""

    def toward(up: Any, down: Any, game: Game) -> tuple[Terms, State]:
        def of(up: Array, down: Array) -> Array:
            return softplus(game.mean(down) - up) + softplus(down - game.mean(up))

        return jax.tree.map(of, up, down), game.state

    return Objective(
        critic=lambda game: toward(game.logits.real, game.logits.fake, game),
        generator=lambda game: toward(game.logits.fake, game.logits.real, game),
    )


def began(diversity: float = 0.5, rate: float = 0.001) -> Objective:
    """Boundary equilibrium: a critic that reconstructs examples, L(x), kept in balance. Berthelot 2017, section 3.4.

    The critic minimises L(x) - k L(G(z)), the generator L(G(z)). k starts at 0 and moves after each turn of the critic
    by rate · (diversity · L(x) - L(G(z))), within [0, 1]. The logits are -L, as `nets.reconstructing` makes them.

    Args:
      diversity: The paper's γ, at which E[L(G(z))] / E[L(x)] settles: lower values give better, less varied examples.
      rate: The paper's λ.
    """
    if diversity <= 0 or rate < 0:
        raise UserError(f"diversity {diversity} and rate {rate}: the first must be above 0, the second 0 or more")

    def total(logits: Any, mean: Callable[[Array], Array]) -> Array:
        return sum_of(map(mean, jax.tree.leaves(logits)))

    def critic(game: Game) -> tuple[Terms, State]:
        share = game.state["k"]
        terms = jax.tree.map(lambda real, fake: share * fake - real, game.logits.real, game.logits.fake)
        balance = total(game.logits.fake, game.mean) - diversity * total(game.logits.real, game.mean)
        return terms, {"k": jnp.clip(share + rate * jax.lax.stop_gradient(balance), 0, 1)}

    def generator(game: Game) -> tuple[Terms, State]:
        return jax.tree.map(jnp.negative, game.logits.fake), game.state

    return Objective(critic, generator, init=lambda: {"k": jnp.zeros(())})


def f_gan(activation: Callable[[Array], Array], conjugate: Callable[[Array], Array]) -> Objective:
    """The variational form of an f-divergence D_f(real || fake). Nowozin 2016, eq. 6.

    The critic maximises E[g(v)] - E[f*(g(v))], whose maximum is the divergence; the generator minimises it.

    Args:
      activation: g, from the critic's output v to the domain of f*.
      conjugate: v -> f*(g(v)), simplified by hand so that no intermediate value overflows.
    """
    return adversarial(
        critic=lambda real, fake: conjugate(fake) - activation(real),
        generator=lambda real, fake: -conjugate(fake),
    )


def kl() -> Objective:
    """KL(real || fake). Nowozin 2016, table 2."""
    return f_gan(activation=lambda v: v, conjugate=lambda v: jnp.exp(v - 1))


def reverse_kl() -> Objective:
    """KL(fake || real). Nowozin 2016, table 2."""
    return f_gan(activation=lambda v: -jnp.exp(-v), conjugate=lambda v: v - 1)


def pearson() -> Objective:
    """Pearson χ². Nowozin 2016, table 2."""
    return f_gan(activation=lambda v: v, conjugate=lambda v: 0.25 * v**2 + v)


def squared_hellinger() -> Objective:
    """∫(√p - √q)². Nowozin 2016, table 2."""
    return f_gan(activation=lambda v: 1 - jnp.exp(-v), conjugate=lambda v: jnp.exp(v) - 1)


def jensen_shannon() -> Objective:
    """KL(p || m) + KL(q || m) with m = (p + q) / 2: twice the usual JSD. Nowozin 2016, table 2."""
    return f_gan(activation=lambda v: jnp.log(2.0) - softplus(-v), conjugate=lambda v: softplus(v) - jnp.log(2.0))
