"""Terms that shape the generator's map from latents to examples, or the weights of a player."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp

from gan_jax import averages
from gan_jax.constraints import matrices
from gan_jax.errors import UserError
from gan_jax.keys import fold, fold_leaves
from gan_jax.trees import root, squared_norms, sum_of
from gan_jax.types import Array, Game, Objective, State, Terms

LATENT, NOISE = range(2)
LEAST = 1e-5  # added where a distance divides


def mode_seeking() -> Objective:
    """The generator maximises how far its examples move when their latents do. Mao 2019, eq. 2.

    The term is 1 / (d(G(c, z1), G(c, z2)) / d(z1, z2) + 1e-5), as in the authors' code, where d is the mean absolute
    difference over the batch, z1 are the game's latents and z2 fresh ones under the same condition c.
    """

    def generator(game: Game) -> tuple[Terms, State]:
        others = jax.vmap(game.prior)(fold(game.keys, LATENT))
        apart = distance(game, game.fake, game.generator(others, game.condition).y)
        return 1 / (apart / distance(game, game.z, others) + LEAST), game.state

    return Objective(critic=None, generator=generator)


def distance(game: Game, one: Any, other: Any) -> Array:
    """The mean absolute difference of two trees over the batch on all devices, summed over leaves."""
    differences = jax.tree.map(lambda a, b: game.mean(jnp.abs(a - b)), one, other)
    return sum_of(jax.tree.leaves(differences))


Map = Callable[[Any], Any]  # a tree of [B, ...] -> examples [B, ...]


def from_latents(game: Game) -> tuple[Map, Any]:
    """The generator as a function of its latents, and these."""
    return lambda z: game.generator(z, game.condition).y, game.z


def path_length(decay: float = 0.99, *, at: Callable[[Game], tuple[Map, Any]] = from_latents) -> Objective:
    """(‖J(w)ᵀy‖ - a)², so that a step in w changes examples by the same amount everywhere. Karras 2020
    (StyleGAN2), eq. 4.

    J is the Jacobian of the examples by w, y is normal noise divided by the root of the number of pixels, and a is a
    moving average of the lengths, which includes the batch's own and has no initial value. Use `every` with it. The
    generator must treat each example by itself: with batch normalisation, the lengths are those of a batch.

    Args:
      decay: The decay of a.
      at: A game -> the map from w to examples [B, ..., channels], and w [B, ...]: StyleGAN2's is from its styles.
    """
    averages.check_decay(decay)

    def generator(game: Game) -> tuple[Terms, State]:
        made, w = at(game)
        examples, back = jax.vjp(made, w)
        noise = jax.tree.map(pixel_noise, fold_leaves(fold(game.keys, NOISE), examples), examples)
        lengths = root(squared_norms(back(noise)[0]))
        state = averages.follow(game.state, jax.lax.stop_gradient(game.mean(lengths)), decay)
        return (lengths - state.mean) ** 2, state

    return Objective(critic=None, generator=generator, init=lambda: averages.start(jnp.zeros(())))


def pixel_noise(keys: Array, examples: Array) -> Array:
    """Normal noise like the examples [B, ..., channels], divided by the root of the number of pixels."""
    pixels = examples[0, ..., 0].size
    return jax.vmap(lambda key: jax.random.normal(key, examples.shape[1:], examples.dtype))(keys) / pixels**0.5


def orthogonal(player: Literal["critic", "generator"] = "generator") -> Objective:
    """‖WᵀW ⊙ (1 - I)‖² of each kernel: different outputs get orthogonal weights of any length. Brock 2019, eq. 3.

    Kernels are those of `spectral_norm`, seen as matrices W [everything else, outputs].

    Args:
      player: Whose kernels.

    Raises:
      ValueError: There is no such player.
    """
    if player not in ("critic", "generator"):
        raise UserError(f"player {player!r}: it must be critic or generator")

    def loss(game: Game) -> tuple[Terms, State]:
        kernels = matrices(getattr(game.params, player)).values()
        products = (kernel.T @ kernel for kernel in kernels)
        return sum_of(jnp.sum(jnp.square(product - jnp.diag(jnp.diag(product)))) for product in products), game.state

    return Objective(loss, None) if player == "critic" else Objective(None, loss)
