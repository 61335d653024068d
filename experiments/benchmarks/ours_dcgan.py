"""Ours: one WGAN-GP iteration of the article's DCGAN, as `gan-jax train` runs it."""

from typing import Any

import jax
import optax
from game import Game
from side_by_side import advancing

from gan_jax import losses, parallel, penalties, priors
from gan_jax.nets import dcgan
from gan_jax.nets.layers import BatchNorm, Identity
from gan_jax.objectives import add, scale
from gan_jax.types import Array, Batch, Players, TrainState
from gan_jax.update import Update, make_init, make_update


def make(game: Game, side: int = 28) -> tuple[Update, TrainState, Players[Batch], Array]:
    """The compiled update, and what it is called with; images of side x side."""
    nets = Players(
        critic=dcgan.critic(width=game.width, dropout=game.dropout),
        generator=dcgan.generator(width=game.width, norm=BatchNorm if game.norm else Identity, shape=(side, side, 1)),
    )
    objective = add(adversarial=losses.wasserstein(), gradient_penalty=scale(penalties.gradient_penalty(), 10.0))
    adam = optax.adam(1e-4, 0.0, 0.9)
    optimizers, prior, key = Players(adam, adam), priors.normal(100), jax.random.key(0)
    images = jax.random.uniform(key, (game.critic_steps + 1, game.batch_size, side, side, 1), minval=-1)
    batches = Players(Batch(images[: game.critic_steps]), Batch(images[game.critic_steps :]))
    example = Batch(jax.ShapeDtypeStruct(images.shape[2:], images.dtype))
    mesh = parallel.make_mesh()
    init = parallel.jit_once(make_init(nets, optimizers, prior, example), parallel.everywhere(mesh))
    update = make_update(nets, objective, optimizers, prior, critic_steps=game.critic_steps)
    return parallel.jit(update, mesh), init(key), batches, key


def iteration(game: Game) -> Any:
    return advancing(*make(game))
