"""Small players and games for the tests of the core."""

import math
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from gan_jax import losses, penalties, priors
from gan_jax.objectives import add
from gan_jax.play import Metrics, Player
from gan_jax.trees import size_of
from gan_jax.types import Array, Batch, Game, Mode, Network, Objective, Output, Pair, Params, Players, Terms, TrainState
from gan_jax.update import make_init, make_update

CLASSES = 3
ROUNDING = 1 if jax.default_backend() == "cpu" else 10  # a GPU's kernels differ more from program to program


def make_game(critic: Callable[[Any], Any], real: Any, fake: Any, *, step: int = 0, seed: int = 0) -> Game:
    real, fake = (x if isinstance(x, dict) else jnp.asarray(x) for x in (real, fake))
    return Game(
        critic=critic,
        generator=lambda z, condition: Output(z),
        params=Players({}, {}),
        prior=priors.normal(2),
        real=real,
        fake=fake,
        z=fake,
        condition=None,
        logits=Pair(critic(real), critic(fake)),
        extra=Pair(None, None),
        made=None,
        keys=jax.random.split(jax.random.key(seed), size_of(real)),
        step=jnp.int32(step),
        mean=jnp.mean,
    )


def of_logits(real: Any, fake: Any, *, step: int = 0) -> Game:
    """A game whose examples are their own logits."""
    return make_game(lambda x: x, real, fake, step=step)


def terms_of(objective: Objective, player: Player, game: Game) -> Terms:
    """The terms of a player's loss, at the first state unless the game has one."""
    return getattr(objective, player)(game._replace(state=game.state or objective.init()))[0]


def linear(weight: Any) -> Callable[[Array], Array]:
    """D(x) = <weight, x>, for examples of the weight's shape."""
    return lambda x: x.reshape(len(x), -1) @ jnp.ravel(jnp.asarray(weight, x.dtype))


def perceptron(params: Params, x: Array) -> Array:
    """Two affine maps with tanh between: [B, ...] -> [B, outputs]."""
    hidden = jnp.tanh(x.reshape(len(x), -1) @ params["first"] + params["bias"][None])
    return hidden @ params["second"]


def init_perceptron(key: Array, inputs: int, outputs: int, width: int = 8) -> Params:
    first, bias, second = jax.random.split(key, 3)
    return {
        "first": jax.random.normal(first, (inputs, width)) / inputs**0.5,
        "bias": 0.1 * jax.random.normal(bias, (width,)),
        "second": jax.random.normal(second, (width, outputs)) / width**0.5,
    }


def conditional_perceptron(shape: tuple[int, ...] = (), *, noise: float = 0.0) -> Network:
    """[B, ...] -> [B, *shape], with a vector for each label and the network's own noise."""
    outputs = math.prod(shape)

    def init(key: Array, x: Array, condition: Any) -> tuple[Params, Params]:
        del condition
        params = init_perceptron(key, math.prod(x.shape[1:]), outputs)
        embedding = 0.1 * jnp.arange(CLASSES * outputs, dtype=jnp.float32)  # a weak type would be compiled twice
        return {**params, "embedding": embedding.reshape(CLASSES, outputs)}, {}

    def apply(params: Params, stats: Params, x: Array, condition: Any, mode: Mode) -> tuple[Array, Params]:
        y = perceptron(params, x) + params["embedding"][condition]
        if noise:
            y += noise * jax.vmap(lambda key: jax.random.uniform(key, (outputs,)))(mode.keys)
        return y.reshape(-1, *shape), stats

    return Network(init, apply)


def centred(network: Network) -> Network:
    """A batch norm on top of the network: its output less the mean over the batch on all devices; a running mean."""

    def init(key: Array, x: Array, condition: Any) -> tuple[Params, Params]:
        params, stats = network.init(key, x, condition)
        shape = jax.eval_shape(lambda: network.apply(params, stats, x, condition, Mode(keys=key[None]))[0]).shape
        return params, {**stats, "batch_stats": jnp.zeros((1, *shape[1:]))}

    def apply(params: Params, stats: Params, x: Array, condition: Any, mode: Mode) -> tuple[Array, Params]:
        y, inner = network.apply(params, stats, x, condition, mode)
        mean = jnp.mean(y, axis=0, keepdims=True)
        if mode.axis_name is not None:
            mean = jax.lax.pmean(mean, mode.axis_name)
        return y - mean, {**inner, "batch_stats": 0.5 * stats["batch_stats"] + 0.5 * mean}

    return Network(init, apply, network.advance, mixes_examples=lambda stats: True)


class Moving(nn.Module):
    """A batch norm as a user may write it, whose collection of statistics isn't named like Linen's."""

    @nn.compact
    def __call__(self, x: Array, condition: Any, mode: Mode) -> Array:
        running = self.variable("moving", "mean", jnp.zeros, x.shape[-1:])
        mean = jnp.mean(x, range(x.ndim - 1)) if mode.train else running.value
        if mode.train:
            running.value = 0.9 * running.value + 0.1 * mean
        return x - mean.reshape([1] * (x.ndim - 1) + [-1])


def weights(start: Any) -> Network:
    """The critic D(x) = <w, x>, whose parameter is w."""
    return Network(
        init=lambda key, x, condition: (jnp.asarray(start, jnp.float32), {}),
        apply=lambda params, stats, x, condition, mode: (linear(params)(x), stats),
    )


def point(start: Any) -> Network:
    """The generator whose every example is its parameter."""
    return Network(
        init=lambda key, z, condition: (jnp.asarray(start, jnp.float32), {}),
        apply=lambda params, stats, z, condition, mode: (
            jnp.broadcast_to(params[None], (len(z), *params.shape)),
            stats,
        ),
    )


def frozen() -> optax.GradientTransformation:
    """An optimiser that has a state and changes nothing."""
    return optax.GradientTransformation(
        init=lambda params: jax.tree.map(jnp.ones_like, params),
        update=lambda updates, state, params=None: (jax.tree.map(jnp.zeros_like, updates), state),
    )


def start(
    nets: Players[Network],
    objective: Objective,
    optimizers: Players[optax.GradientTransformation],
    prior: Callable[[Array], Array],
    batches: Players[Batch],
    **options: Any,
) -> TrainState:
    """The first state of a game on data like these."""
    example = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[2:], x.dtype), batches.critic)
    return jax.jit(make_init(nets, objective, optimizers, prior, example, **options))(jax.random.key(0))


def played(
    nets: Players[Network],
    objective: Objective,
    optimizers: Players[optax.GradientTransformation],
    x: Any,
    *,
    updates: int = 1,
    **options: Any,
) -> tuple[TrainState, TrainState, Metrics]:
    """The states before and after some updates on the same data, and the last metrics.

    x: the critic's turns and then the generator's, [turns, B, ...].
    """
    augmented = {"augment": options["augment"]} if "augment" in options else {}
    batches, prior = in_turns(x, options.get("critic_steps", 1)), priors.normal(2)
    state = before = start(nets, objective, optimizers, prior, batches, **augmented)
    update = jax.jit(make_update(nets, objective, optimizers, prior, **options))
    for _ in range(updates):
        state, metrics = update(state, batches, jax.random.key(1))
    return before, state, metrics


def in_turns(x: Any, critic_steps: int) -> Players[Batch]:
    x = jnp.asarray(x, jnp.float32)
    return Players(Batch(x[:critic_steps]), Batch(x[critic_steps:]))


def data(turns: int, batch: int = 4) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(turns, batch, 2)).astype(np.float32)


GAME = Players(weights([3.0, 4.0]), point([0.5, -0.5]))
HINGE = losses.hinge()
WITH_PENALTIES = add(adversarial=HINGE, gp=penalties.gradient_penalty(), r1=penalties.r1(), r2=penalties.r2())
