"""Ours: one iteration of a game, as `gan-jax train` runs it."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from ahead import Contender, Program
from game import Game, Nets
from side_by_side import advancing

from gan_jax import losses, parallel, penalties, priors
from gan_jax.objectives import add, every, scale
from gan_jax.types import Array, Batch, Players, TrainState
from gan_jax.update import Update, make_init, make_update

OBJECTIVES = {
    "wgan_gp": add(adversarial=losses.wasserstein(), gradient_penalty=scale(penalties.gradient_penalty(), 10.0)),
    "r1": add(adversarial=losses.non_saturating(), r1=scale(penalties.r1(), 10.0)),
    "lazy_r1": add(adversarial=losses.non_saturating(), r1=every(16, scale(penalties.r1(), 10.0))),
    "hinge": losses.hinge(),
    "relativistic": add(adversarial=losses.relativistic(), r1=penalties.r1(), r2=penalties.r2()),
}


def make(game: Game, nets: Nets) -> tuple[Callable[[Array], TrainState], Update]:
    """Returns the compiled init and update."""
    adam, prior, mesh = optax.adam(1e-4, 0.0, 0.9), priors.normal(nets.latents), parallel.make_mesh()
    players, optimizers = Players(nets.critic, nets.generator), Players(adam, adam)
    objective = OBJECTIVES[game.objective]
    update = make_update(
        players,
        objective,
        optimizers,
        prior,
        critic_steps=game.critic_steps,
        dtype=jnp.bfloat16 if game.bfloat16 else None,
    )
    example = Batch(jax.ShapeDtypeStruct(nets.shape, jnp.float32))
    init = parallel.jit_once(make_init(players, objective, optimizers, prior, example), parallel.everywhere(mesh))
    return init, parallel.jit(update, mesh)


def batches(game: Game, nets: Nets, key: Array) -> Players[Batch]:
    """Returns images of noise for one iteration."""
    images = jax.random.uniform(key, (game.critic_steps + 1, game.batch_size, *nets.shape), minval=-1)
    return Players(Batch(images[: game.critic_steps]), Batch(images[game.critic_steps :]))


def contender(game: Game, nets: Nets) -> Contender:
    init, update = make(game, nets)

    def start() -> Callable[[], Any]:
        key = jax.random.key(0)
        return advancing(update, init(key), batches(game, nets, key), key)

    key = jax.eval_shape(jax.random.key, 0)
    given = (jax.eval_shape(init, key), jax.eval_shape(lambda key: batches(game, nets, key), key), key)
    return Contender([Program(init, (key,), 0), Program(update, given, 1)], start)
