"""The peer in plain Flax: one WGAN-GP iteration of the article's DCGAN with Linen's own layers, turn by turn.

A critic turn is a call: scanned, its convolutions would be ten times slower on a CPU.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from game import Game

Array = jax.Array


class Generator(nn.Module):
    width: int
    norm: bool

    @nn.compact
    def __call__(self, z: Array) -> Array:
        def normed(x: Array) -> Array:
            norm = nn.BatchNorm(use_running_average=False, epsilon=1e-3) if self.norm else lambda x: x
            return nn.leaky_relu(norm(x), 0.3)

        conv = functools.partial(nn.ConvTranspose, kernel_size=(5, 5), use_bias=False)
        x = normed(nn.Dense(49 * 4 * self.width, use_bias=False)(z)).reshape(-1, 7, 7, 4 * self.width)
        x = normed(conv(2 * self.width)(x))
        x = normed(conv(self.width, strides=(2, 2))(x))
        return jnp.tanh(conv(1, strides=(2, 2))(x))


class Critic(nn.Module):
    width: int
    dropout: float

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for features in (self.width, 2 * self.width):
            x = nn.leaky_relu(nn.Conv(features, (5, 5), strides=2)(x), 0.3)
            x = nn.Dropout(self.dropout, deterministic=self.dropout == 0)(x)
        return nn.Dense(1)(x.reshape(x.shape[0], -1))[:, 0]


class Player(NamedTuple):
    params: Any
    stats: Any
    opt_state: Any


def turns(game: Game) -> tuple[Callable[..., Player], Callable[..., Player], Player, Player]:
    """(critic, generator, real, key) -> critic, (critic, generator, key) -> generator, and both players."""
    generator_net, critic_net = Generator(game.width, game.norm), Critic(game.width, game.dropout)
    adam = optax.adam(1e-4, 0.0, 0.9)

    def player(net: nn.Module, x: Array) -> Player:
        variables = net.init({"params": jax.random.key(0), "dropout": jax.random.key(0)}, x)
        return Player(variables["params"], variables.get("batch_stats", {}), adam.init(variables["params"]))

    def make(params: Any, stats: Any, key: Array) -> tuple[Array, Any]:
        z = jax.random.normal(key, (game.batch_size, 100))
        fake, new = generator_net.apply({"params": params, "batch_stats": stats}, z, mutable=["batch_stats"])
        return fake, new.get("batch_stats", {})

    def judge(params: Any, x: Array, key: Array) -> Any:
        return critic_net.apply({"params": params}, x, rngs={"dropout": key})

    def stepped(player: Player, grads: Any, stats: Any) -> Player:
        updates, opt_state = adam.update(grads, player.opt_state)
        return Player(optax.apply_updates(player.params, updates), stats, opt_state)

    def critic_turn(critic: Player, generator: Player, real: Array, key: Array) -> Player:
        keys = jax.random.split(key, 5)
        fake, _ = make(generator.params, generator.stats, keys[0])
        weight = jax.random.uniform(keys[1], (game.batch_size, 1, 1, 1))
        points = weight * real + (1 - weight) * fake

        def loss(params: Any) -> Array:
            gradient = jax.grad(lambda x: jnp.sum(judge(params, x, keys[2])))(points)
            norm = jnp.sqrt(jnp.sum(gradient**2, (1, 2, 3)))
            logits = jnp.mean(judge(params, fake, keys[3])) - jnp.mean(judge(params, real, keys[4]))
            return logits + 10 * jnp.mean((norm - 1) ** 2)

        return stepped(critic, jax.grad(loss)(critic.params), critic.stats)

    def generator_turn(critic: Player, generator: Player, key: Array) -> Player:
        latent_key, dropout_key = jax.random.split(key)

        def loss(params: Any) -> tuple[Array, Any]:
            fake, stats = make(params, generator.stats, latent_key)
            return -jnp.mean(judge(critic.params, fake, dropout_key)), stats

        grads, stats = jax.grad(loss, has_aux=True)(generator.params)
        return stepped(generator, grads, stats)

    critic = player(critic_net, jnp.zeros((1, 28, 28, 1)))
    return critic_turn, generator_turn, critic, player(generator_net, jnp.zeros((1, 100)))


def iteration(game: Game) -> Callable[[], None]:
    critic_turn, generator_turn, critic, generator = turns(game)
    play_critic = jax.jit(critic_turn, donate_argnums=0)
    play_generator = jax.jit(generator_turn, donate_argnums=1)
    reals = jax.random.uniform(jax.random.key(1), (game.critic_steps, game.batch_size, 28, 28, 1), minval=-1)
    keys = jax.random.split(jax.random.key(2), game.critic_steps + 1)

    def step() -> None:
        nonlocal critic, generator
        for real, key in zip(reals, keys):
            critic = play_critic(critic, generator, real, key)
        generator = play_generator(critic, generator, keys[-1])
        jax.block_until_ready((critic, generator))

    return step


def flops(game: Game) -> float:
    """XLA's own count for an iteration of this form."""
    critic_turn, generator_turn, critic, generator = turns(game)
    real, key = jnp.zeros((game.batch_size, 28, 28, 1)), jax.random.key(0)

    def count(turn: Callable[..., Player], *arguments: Any) -> float:
        analysis: Any = jax.jit(turn).lower(*arguments).compile().cost_analysis()
        return float(analysis["flops"])

    return game.critic_steps * count(critic_turn, critic, generator, real, key) + count(
        generator_turn, critic, generator, key
    )
