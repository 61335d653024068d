"""The update, one pure function: the critic's turns, then the generator's.

It knows devices only by an axis name::

    update = make_update(nets, objective, optimizers, prior, critic_steps=5)
    state, metrics = jax.jit(update)(state, batches, key)

Randomness: the run's key is folded with the step, the turn, and the example's place in the global batch, so resuming a
run, another number of devices, or more seeds change no random number.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gan_jax.averages import check_decay, newest
from gan_jax.errors import UserError
from gan_jax.keys import fold_each
from gan_jax.play import (
    GRADIENT_NORM,
    LOSS,
    EMADecay,
    Metrics,
    Player,
    Rules,
    advanced,
    average,
    example_keys,
    judge,
    metric_name,
    of_logits,
    of_states,
    of_terms,
    play,
    unchanged,
)
from gan_jax.trees import size_of, strong
from gan_jax.types import Array, Augment, Batch, Network, Objective, Params, Players, Prior, TrainState, Variables

Update = Callable[[TrainState, Players[Batch], Array], tuple[TrainState, Metrics]]


def make_init(
    nets: Players[Network],
    objective: Objective,
    optimizers: Players[optax.GradientTransformation],
    prior: Prior,
    example: Batch,
    *,
    augment: Augment = unchanged,
) -> Callable[[Array], TrainState]:
    """Makes the function key -> the first `TrainState` of a game.

    Args:
      nets: Both networks.
      objective: Each player's loss.
      optimizers: Both players' optimisers.
      prior: Draws the generator's latent examples.
      example: The shapes of one example of the data, without a batch axis (`jax.ShapeDtypeStruct`).
      augment: How the critic sees examples.
    """
    check_augment(augment)

    def init(key: Array) -> TrainState:
        latent_key, generator_key, critic_key = jax.random.split(key, 3)
        x, condition, _ = jax.tree.map(lambda spec: jnp.zeros((1, *spec.shape), spec.dtype), example)
        generator = nets.generator.init(generator_key, jax.vmap(prior)(latent_key[None]), condition)
        critic = nets.critic.init(critic_key, x, condition)
        params = Players(critic[0], generator[0])
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            params=params,
            stats=Players(critic[1], generator[1]),
            opt_state=Players(optimizers.critic.init(params.critic), optimizers.generator.init(params.generator)),
            ema=jax.tree.map(jnp.copy, Variables(*generator)),  # its own buffers, so that a state can be donated
            objective=strong(objective.init()),
            augment=strong(augment.init()),
        )

    return init


def make_update(
    nets: Players[Network],
    objective: Objective,
    optimizers: Players[optax.GradientTransformation],
    prior: Prior,
    *,
    critic_steps: int = 1,
    generator_steps: int = 1,
    ema_decay: EMADecay = 0.999,
    augment: Augment = unchanged,
    dtype: Any = None,
    axis_name: str | None = None,
) -> Update:
    """Makes the function (state, batches, key) -> (state, metrics): one update of both players.

    `batches` holds fresh data for each turn of each player, [critic_steps, B, ...] and [generator_steps, B, ...]; the
    two may differ in B. `key` is the run's, the same at every step.

    Metrics are means over the batch and over the player's turns: `critic/loss`, `critic/NAME` for each named term, the
    norm of the gradient, the mean logits, and the critic's accuracy: the shares of real logits above 0 and of fake ones
    below. It is an accuracy only where the loss is minimax, non-saturating or hinge; others (Wasserstein, least
    squares, relativistic, some f-GANs) don't separate real from fake at 0. Scalars in the states of terms and of the
    augmentation are metrics too, such as `augment/p`.

    A turn changes only its own player's part of the state. Batch statistics in a critic are those of the real batch in
    the real pass and of the fake batch in the fake pass; the running ones take in both, in that order.

    Args:
      nets: Both networks.
      objective: Each player's loss.
      optimizers: Both players' optimisers.
      prior: Draws the generator's latent examples.
      critic_steps: Turns of the critic in one update.
      generator_steps: Turns of the generator after those.
      ema_decay: The decay per generator turn of the moving average of the generator's parameters and statistics. With
        a number, the initial values have no weight (the debiased mean of Kingma & Ba 2015, section 3). A schedule, a
        function of the step, is taken as it is: let it begin at 0.
      augment: How the critic sees examples, real and fake, in every pass.
      dtype: The networks' type of computation, such as jnp.bfloat16, which halves their activations. Parameters,
        statistics, losses and the norms of penalties keep theirs. Logits get its precision: 8
        significant bits in bfloat16.
      axis_name: The mapped axis (pmap, vmap, shard_map) that the batch is split over.

    Raises:
      ValueError: A number of turns below 1, a decay outside [0, 1), or a player without a loss.
    """
    if critic_steps < 1 or generator_steps < 1:
        raise UserError(f"critic_steps {critic_steps} and generator_steps {generator_steps}: each must be 1 or more")
    rules = Rules(nets, objective, optimizers, prior, augment, ema_decay, dtype, axis_name)
    check_rules(rules)

    def update(state: TrainState, batches: Players[Batch], key: Array) -> tuple[TrainState, Metrics]:
        check_turns(batches, Players(critic_steps, generator_steps))
        keys = fold_each(jax.random.fold_in(key, state.step), jnp.arange(critic_steps + generator_steps))
        state, critic_metrics = jax.lax.scan(
            lambda state, given: turn(rules, "critic", state, *given), state, (batches.critic, keys[:critic_steps])
        )
        counts = state.step * generator_steps + jnp.arange(generator_steps) + 1
        state, generator_metrics = jax.lax.scan(
            lambda state, given: generator_turn(rules, state, *given),
            state,
            (batches.generator, keys[critic_steps:], counts),
        )
        metrics = jax.tree.map(jnp.mean, critic_metrics | generator_metrics)
        return state._replace(step=state.step + 1), metrics | of_states(state)

    return update


def check_rules(rules: Rules) -> None:
    """Refuses a decay outside [0, 1), and an objective that leaves a player without a loss."""
    check_augment(rules.augment)
    decay = rules.ema_decay
    if callable(decay):
        with jax.ensure_compile_time_eval():
            first = decay(jnp.zeros((), jnp.int32))
        if jnp.shape(first) or not 0 <= float(first) < 1:
            raise UserError(f"ema_decay is {first} at step 0: a schedule must give one number, 0 or more, less than 1")
    else:
        check_decay(decay, "ema_decay")
    for player in Players._fields:
        if getattr(rules.objective, player) is None:
            raise UserError(f"the objective leaves the {player} no loss: add an adversarial term")


def check_augment(augment: Augment) -> None:
    """Refuses anything but an augmentation."""
    if not isinstance(augment, Augment):
        raise UserError(f"augment {augment!r}: give an Augment, as augment.chain(...) makes, or leave it out")


def turn(rules: Rules, player: Player, state: TrainState, batch: Batch, key: Array) -> tuple[TrainState, Metrics]:
    """One step of a player's optimiser."""
    network, loss, params, stats = (
        getattr(pair, player) for pair in (rules.nets, rules.objective, state.params, state.stats)
    )
    keys = example_keys(key, batch, rules.axis_name)
    stats = state.stats._replace(**{player: network.advance(params, stats)})

    def total(params: Params) -> tuple[Array, tuple[Metrics, TrainState]]:
        game, new_stats = play(rules, state.params._replace(**{player: params}), stats, state, batch, keys)
        value, terms, objective = judge(loss, game)
        metrics = {LOSS: value, **of_terms(terms)} | (of_logits(game.logits) if player == "critic" else {})
        augment = advanced(rules.augment, state.augment, game) if player == "critic" else state.augment
        stats_after = state.stats._replace(**{player: getattr(new_stats, player)})
        after = state._replace(stats=stats_after, objective=objective, augment=augment)
        return value, (metrics, after)

    grads, (metrics, state) = jax.grad(total, has_aux=True)(on_each_device(params, rules.axis_name))
    grads, metrics = average((grads, metrics), rules.axis_name)
    metrics[GRADIENT_NORM] = optax.tree.norm(grads)
    return stepped(rules, player, state, grads), {metric_name(player, name): value for name, value in metrics.items()}


def generator_turn(
    rules: Rules, state: TrainState, batch: Batch, key: Array, count: Array
) -> tuple[TrainState, Metrics]:
    """A turn, then the moving average; `count` is the number of the generator's turns so far, this one included."""
    state, metrics = turn(rules, "generator", state, batch, key)
    return with_ema(rules, state, count), metrics


def stepped(rules: Rules, player: Player, state: TrainState, grads: Params) -> TrainState:
    """The state after a step of the player's optimiser."""
    optimizer, params, opt_state = (getattr(pair, player) for pair in (rules.optimizers, state.params, state.opt_state))
    updates, opt_state = optimizer.update(grads, opt_state, params)
    return state._replace(
        params=state.params._replace(**{player: optax.apply_updates(params, updates)}),
        opt_state=state.opt_state._replace(**{player: opt_state}),
    )


def with_ema(rules: Rules, state: TrainState, count: Array) -> TrainState:
    """Updates the moving average after the generator's `count`-th turn."""
    decay = rules.ema_decay
    weight = 1 - decay(state.step) if callable(decay) else newest(decay, count)
    current = Variables(state.params.generator, state.stats.generator)
    ema = jax.tree.map(lambda mean, new: moved(mean, new, weight), state.ema, current)
    ema = ema._replace(stats=rules.nets.generator.advance(*ema))  # singular vectors must be those of the mean
    return state._replace(ema=ema)


def moved(mean: Array, new: Array, weight: Array) -> Array:
    """The average with its newest value. Counters and flags of a network's statistics have no average: the newest."""
    return mean + weight * (new - mean) if jnp.issubdtype(mean.dtype, jnp.inexact) else new


def on_each_device(params: Params, axis_name: str | None) -> Params:
    """Makes parameters vary over the axis, or shard_map with check_vma would sum their gradients by itself."""
    if axis_name is None:
        return params
    nothing = 0 * jax.lax.axis_index(axis_name)
    return jax.tree.map(lambda p: p + nothing.astype(p.dtype), params)


def deal(turns: Players[tuple[int, int]], batch: Batch) -> Players[Batch]:
    """Deals out a batch of all the examples of an update to the turns.

    Args:
      turns: Each player's number of turns, and of examples a turn.
      batch: [N, ...], where N is the examples of all turns together.

    Returns:
      Each player's batches, [turns, B, ...].
    """
    first = math.prod(turns.critic)
    return Players(
        critic=jax.tree.map(lambda x: x[:first].reshape(*turns.critic, *x.shape[1:]), batch),
        generator=jax.tree.map(lambda x: x[first:].reshape(*turns.generator, *x.shape[1:]), batch),
    )


def check_turns(batches: Players[Batch], turns: Players[int]) -> None:
    """Refuses batches of another number of turns."""
    for player, batch, count in zip(Players._fields, batches, turns):
        if (given := size_of(batch.x)) != count:
            raise UserError(f"the {player} takes {count} turns, its batches are for {given} (axis 0)")
