"""The peer in plain Flax: one iteration of a game, turn by turn.

Each critic turn is a call of its own: in a scan, its convolutions would be ten times slower on a CPU.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from ahead import Contender, Program
from game import Game, Nets
from jax.nn import relu, softplus

Array = jax.Array
Logits = Callable[[Array], Array]


class Player(NamedTuple):
    params: Any
    stats: Any
    opt_state: Any


class Objective(NamedTuple):
    critic: Callable[[Array, Array], Array]  # of the logits of real and of fake images
    generator: Callable[[Array], Array]  # of the logits of fake images
    penalty: Callable[[Logits, Array, Array, Array], Array | float]  # of the critic, real and fake images, and a key


def gradient_penalty(critic: Logits, real: Array, fake: Array, key: Array) -> Array:
    weight = jax.random.uniform(key, (len(real), 1, 1, 1))
    return 10 * jnp.mean((jnp.sqrt(squared_slope(critic, weight * real + (1 - weight) * fake)) - 1) ** 2)


def r1(critic: Logits, real: Array, fake: Array, key: Array) -> Array:
    del fake, key
    return 5 * jnp.mean(squared_slope(critic, real))


def squared_slope(critic: Logits, points: Array) -> Array:
    gradient = jax.grad(lambda x: jnp.sum(critic(x)))(points)
    return jnp.sum(gradient**2, (1, 2, 3))


OBJECTIVES = {
    "wgan_gp": Objective(lambda real, fake: jnp.mean(fake - real), lambda fake: -jnp.mean(fake), gradient_penalty),
    "r1": Objective(
        lambda real, fake: jnp.mean(softplus(-real) + softplus(fake)), lambda fake: jnp.mean(softplus(-fake)), r1
    ),
    "hinge": Objective(
        lambda real, fake: jnp.mean(relu(1 - real) + relu(1 + fake)), lambda fake: -jnp.mean(fake), lambda *_: 0.0
    ),
}


def contender(game: Game, nets: Nets) -> Contender:
    objective = OBJECTIVES[game.objective]
    adam = optax.adam(1e-4, 0.0, 0.9)

    def player(net: nn.Module, x: Array, key: Array) -> Player:
        variables = net.init({"params": key, "dropout": key}, x)
        return Player(variables["params"], variables.get("batch_stats", {}), adam.init(variables["params"]))

    def players(key: Array) -> tuple[Player, Player]:
        critic = player(nets.critic, jnp.zeros((1, *nets.shape)), key)
        return critic, player(nets.generator, jnp.zeros((1, nets.latents)), key)

    def make(params: Any, stats: Any, key: Array) -> tuple[Array, Any]:
        z = jax.random.normal(key, (game.batch_size, nets.latents))
        fake, new = nets.generator.apply({"params": params, "batch_stats": stats}, z, mutable=["batch_stats"])
        return fake.astype(jnp.float32), new.get("batch_stats", {})

    def judge(params: Any, stats: Any, x: Array, key: Array) -> tuple[Array, Any]:
        variables = {"params": params, "batch_stats": stats}
        logits, new = nets.critic.apply(variables, x, rngs={"dropout": key}, mutable=["batch_stats"])
        return logits.astype(jnp.float32), new.get("batch_stats", {})

    def stepped(player: Player, grads: Any, stats: Any) -> Player:
        updates, opt_state = adam.update(grads, player.opt_state)
        return Player(optax.apply_updates(player.params, updates), stats, opt_state)

    def critic_turn(critic: Player, generator: Player, real: Array, key: Array) -> Player:
        keys = jax.random.split(key, 5)
        fake, _ = make(generator.params, generator.stats, keys[0])

        def loss(params: Any) -> tuple[Array, Any]:
            real_logits, stats = judge(params, critic.stats, real, keys[1])
            fake_logits, _ = judge(params, critic.stats, fake, keys[2])
            penalty = objective.penalty(lambda x: judge(params, critic.stats, x, keys[3])[0], real, fake, keys[4])
            return objective.critic(real_logits, fake_logits) + penalty, stats

        grads, stats = jax.grad(loss, has_aux=True)(critic.params)
        return stepped(critic, grads, stats)

    def generator_turn(critic: Player, generator: Player, key: Array) -> Player:
        latent_key, dropout_key = jax.random.split(key)

        def loss(params: Any) -> tuple[Array, Any]:
            fake, stats = make(params, generator.stats, latent_key)
            return objective.generator(judge(critic.params, critic.stats, fake, dropout_key)[0]), stats

        grads, stats = jax.grad(loss, has_aux=True)(generator.params)
        return stepped(generator, grads, stats)

    init = jax.jit(players)
    play_critic = jax.jit(critic_turn, donate_argnums=0)
    play_generator = jax.jit(generator_turn, donate_argnums=1)

    def start() -> Callable[[], Any]:
        critic, generator = init(jax.random.key(0))
        size = (game.critic_steps, game.batch_size, *nets.shape)
        reals = list(jax.random.uniform(jax.random.key(1), size, minval=-1))
        keys = list(jax.random.split(jax.random.key(2), game.critic_steps + 1))

        def step() -> tuple[Player, Player]:
            nonlocal critic, generator
            for real, key in zip(reals, keys):
                critic = play_critic(critic, generator, real, key)
            generator = play_generator(critic, generator, keys[-1])
            return jax.block_until_ready((critic, generator))

        return step

    key = jax.eval_shape(jax.random.key, 0)
    both = jax.eval_shape(players, key)
    real = jax.ShapeDtypeStruct((game.batch_size, *nets.shape), jnp.float32)
    programs = [
        Program(init, (key,), 0),
        Program(play_critic, (*both, real, key), game.critic_steps),
        Program(play_generator, (*both, key), 1),
    ]
    return Contender(programs, start)
