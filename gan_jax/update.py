"""The update, one pure function: the critic's turns, then the generator's.

It is device-agnostic: it uses only an axis name::

    update = make_update(nets, objective, optimizers, prior, critic_steps=5)
    state, metrics = jax.jit(update)(state, batches, key)

Randomness: the run's key is folded with the step, the turn, and the example's place in the global batch, so resuming a
run, another number of devices, or more seeds change no random number.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gan_jax.errors import UserError
from gan_jax.keys import fold, fold_each
from gan_jax.types import (
    Array,
    Batch,
    Game,
    Logits,
    Mode,
    Network,
    Objective,
    Params,
    Players,
    Prior,
    Terms,
    TrainState,
    Variables,
)

Metrics = dict[str, Array]
Update = Callable[[TrainState, Players[Batch], Array], tuple[TrainState, Metrics]]
Player = Literal["critic", "generator"]

# The metrics of every game; `metric_name` puts the player's name in front. The critic alone has all of them.
LOSS, LOGITS_REAL, LOGITS_FAKE = "loss", "logits_real", "logits_fake"
ACCURACY_REAL, ACCURACY_FAKE, GRADIENT_NORM = "accuracy_real", "accuracy_fake", "gradient_norm"
OWN_METRICS = {LOSS, LOGITS_REAL, LOGITS_FAKE, ACCURACY_REAL, ACCURACY_FAKE, GRADIENT_NORM}

# An example's key of one turn is folded with one of these numbers for each use.
LATENT, GENERATOR, REAL, FAKE, ELSEWHERE, TERMS = range(6)


def make_init(
    nets: Players[Network], optimizers: Players[optax.GradientTransformation], prior: Prior, example: Batch
) -> Callable[[Array], TrainState]:
    """Makes the function key -> the first `TrainState` of a game.

    Args:
      nets: Both networks.
      optimizers: Both players' optimisers.
      prior: Draws the generator's latent examples.
      example: The shapes of one example of the data, without a batch axis (`jax.ShapeDtypeStruct`).
    """

    def init(key: Array) -> TrainState:
        latent_key, generator_key, critic_key = jax.random.split(key, 3)
        x, label, _ = jax.tree.map(lambda spec: jnp.zeros((1, *spec.shape), spec.dtype), example)
        generator = nets.generator.init(generator_key, jax.vmap(prior)(latent_key[None]), label)
        critic = nets.critic.init(critic_key, x, label)
        params = Players(critic[0], generator[0])
        return TrainState(
            step=jnp.zeros((), jnp.int32),
            params=params,
            stats=Players(critic[1], generator[1]),
            opt_state=Players(optimizers.critic.init(params.critic), optimizers.generator.init(params.generator)),
            ema=jax.tree.map(jnp.copy, Variables(*generator)),  # its own buffers, so that a state can be donated
        )

    return init


class Rules(NamedTuple):
    """The part of a game that is the same in every turn; see `make_update`."""

    nets: Players[Network]
    objective: Objective
    optimizers: Players[optax.GradientTransformation]
    prior: Prior
    ema_decay: float
    dtype: Any
    axis_name: str | None


def make_update(
    nets: Players[Network],
    objective: Objective,
    optimizers: Players[optax.GradientTransformation],
    prior: Prior,
    *,
    critic_steps: int = 1,
    generator_steps: int = 1,
    ema_decay: float = 0.999,
    dtype: Any = None,
    axis_name: str | None = None,
) -> Update:
    """Makes the function (state, batches, key) -> (state, metrics): one update of both players.

    `batches` holds fresh data for each turn of each player, [critic_steps, B, ...] and [generator_steps, B, ...]; the
    two may differ in B. `key` is the run's, the same at every step.

    Metrics are means over the batch and over the player's turns: `critic/loss`, `critic/NAME` for each named term, the
    norm of the gradient, the mean logits, and the critic's accuracy: the shares of real logits above 0 and of fake ones
    below. It is an accuracy only where the loss is minimax, non-saturating or hinge; others (Wasserstein, least
    squares, relativistic, some f-GANs) don't separate real from fake at 0.

    A turn changes only its own player's part of the state. Batch statistics in a critic are those of the real batch in
    the real pass and of the fake batch in the fake pass; the running ones take in both, in that order.

    Args:
      nets: Both networks.
      objective: Each player's loss.
      optimizers: Both players' optimisers.
      prior: Draws the generator's latent examples.
      critic_steps: Turns of the critic in one update.
      generator_steps: Turns of the generator after those.
      ema_decay: The decay per generator turn of the moving average of the generator's parameters and statistics. The
        initial values have no weight (the debiased mean of Kingma & Ba 2015, section 3).
      dtype: The networks' type of computation, such as jnp.bfloat16, which halves their activations. Parameters,
        statistics, losses and the norms of penalties keep theirs. Logits get its precision: 8
        significant bits in bfloat16.
      axis_name: The mapped axis (pmap, vmap, shard_map) that the batch is split over.

    Raises:
      ValueError: A number of turns below 1, a decay outside [0, 1), or a player without a loss.
    """
    if critic_steps < 1 or generator_steps < 1:
        raise UserError(f"critic_steps {critic_steps} and generator_steps {generator_steps}: each must be 1 or more")
    if not 0 <= ema_decay < 1:
        raise UserError(f"ema_decay {ema_decay}: it must be 0 or more, and less than 1")
    for player, loss in objective._asdict().items():
        if loss is None:
            raise UserError(f"the objective leaves the {player} no loss: add an adversarial term")
    rules = Rules(nets, objective, optimizers, prior, ema_decay, dtype, axis_name)

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
        return state._replace(step=state.step + 1), metrics

    return update


def turn(rules: Rules, player: Player, state: TrainState, batch: Batch, key: Array) -> tuple[TrainState, Metrics]:
    """One step of a player's optimiser."""
    network, optimizer, loss, params, stats, opt_state = (
        getattr(pair, player)
        for pair in (rules.nets, rules.optimizers, rules.objective, state.params, state.stats, state.opt_state)
    )
    keys = example_keys(key, batch, rules.axis_name)
    stats = state.stats._replace(**{player: network.advance(params, stats)})

    def total(params: Params) -> tuple[Array, tuple[Metrics, Players[Params]]]:
        game, new_stats = play(rules, state.params._replace(**{player: params}), stats, batch, keys, state.step)
        terms = jax.tree.map(jnp.mean, loss(game))
        value = jnp.sum(jnp.stack(jax.tree.leaves(terms)))
        metrics = {LOSS: value, **of_terms(terms)} | (of_logits(game.logits) if player == "critic" else {})
        return value, (metrics, new_stats)

    grads, (metrics, new_stats) = jax.grad(total, has_aux=True)(on_each_device(params, rules.axis_name))
    grads, metrics = average((grads, metrics), rules.axis_name)
    updates, opt_state = optimizer.update(grads, opt_state, params)
    state = state._replace(
        params=state.params._replace(**{player: optax.apply_updates(params, updates)}),
        stats=state.stats._replace(**{player: getattr(new_stats, player)}),
        opt_state=state.opt_state._replace(**{player: opt_state}),
    )
    metrics[GRADIENT_NORM] = optax.tree.norm(grads)
    return state, {metric_name(player, name): value for name, value in metrics.items()}


def generator_turn(
    rules: Rules, state: TrainState, batch: Batch, key: Array, count: Array
) -> tuple[TrainState, Metrics]:
    """A turn, then the moving average; `count` is the number of the generator's turns so far, this one included."""
    state, metrics = turn(rules, "generator", state, batch, key)
    log_decay = math.log(max(rules.ema_decay, 1e-30))  # finite for a decay of 0 too
    # expm1, since rounding would leave little of 1 - decay^count.
    weight = (1 - rules.ema_decay) / -jnp.expm1(count * log_decay)
    current = Variables(state.params.generator, state.stats.generator)
    ema = jax.tree.map(lambda mean, new: mean + weight * (new - mean), state.ema, current)
    ema = ema._replace(stats=rules.nets.generator.advance(*ema))  # singular vectors must be those of the mean
    return state._replace(ema=ema), metrics


def play(
    rules: Rules, params: Players[Params], stats: Players[Params], batch: Batch, keys: Array, step: Array
) -> tuple[Game, Players[Params]]:
    """One pass of the generator, and one of the critic over real and over fake examples: the game, and new stats."""
    nets, axis_name = rules.nets, rules.axis_name

    def mode(use: int) -> Mode:
        return Mode(train=True, keys=fold(keys, use), axis_name=axis_name, dtype=rules.dtype)

    def critic(stats: Params, x: Array, use: int) -> tuple[Array, Params]:
        return nets.critic.apply(params.critic, stats, x, batch.label, mode(use))

    def critic_elsewhere(x: Array) -> Array:
        check_examples_apart(nets.critic, stats.critic)
        return critic(stats.critic, x, ELSEWHERE)[0]

    z = jax.vmap(rules.prior)(fold(keys, LATENT))
    fake, generator_stats = nets.generator.apply(params.generator, stats.generator, z, batch.label, mode(GENERATOR))
    real_logits, critic_stats = critic(stats.critic, batch.x, REAL)
    check_shapes(batch.x, fake, real_logits)
    fake_logits, critic_stats = critic(critic_stats, fake, FAKE)
    game = Game(
        critic=critic_elsewhere,
        real=batch.x,
        fake=fake,
        logits=Logits(real_logits, fake_logits),
        keys=fold(keys, TERMS),
        step=step,
        mean=lambda x: average(jnp.mean(x), axis_name),
    )
    return game, Players(critic_stats, generator_stats)


def metric_name(player: Player, name: str) -> str:
    """The key of a player's metric, such as "critic/loss"."""
    return f"{player}/{name}"


def of_terms(terms: Terms) -> Metrics:
    """The metrics of named terms, such as {"gradient_penalty": value, "a/b": value}; {} for one unnamed term."""
    leaves = jax.tree.leaves_with_path(terms)
    names = {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves if path}
    if taken := OWN_METRICS & names.keys():
        raise UserError(f"a term is named {' and '.join(taken)}, as a metric of every game: give it another name")
    return names


def of_logits(logits: Logits) -> Metrics:
    """The critic's metrics of its logits."""
    return {
        LOGITS_REAL: jnp.mean(logits.real),
        LOGITS_FAKE: jnp.mean(logits.fake),
        ACCURACY_REAL: jnp.mean(logits.real > 0),
        ACCURACY_FAKE: jnp.mean(logits.fake < 0),
    }


def example_keys(key: Array, batch: Batch, axis_name: str | None) -> Array:
    """One key for each example on this device [B], by its place in the global batch."""
    if batch.place is not None:
        return fold_each(key, batch.place)
    size = batch.x.shape[0]
    return fold_each(key, jnp.arange(size) + (0 if axis_name is None else jax.lax.axis_index(axis_name) * size))


def on_each_device(params: Params, axis_name: str | None) -> Params:
    """Makes parameters vary over the axis, or shard_map with check_vma would sum their gradients by itself."""
    if axis_name is None:
        return params
    nothing = 0 * jax.lax.axis_index(axis_name)
    return jax.tree.map(lambda p: p + nothing.astype(p.dtype), params)


def average(tree: Any, axis_name: str | None) -> Any:
    """The mean over the devices."""
    return tree if axis_name is None else jax.lax.pmean(tree, axis_name)


def check_examples_apart(critic: Network, stats: Params) -> None:
    """Raises UserError if the critic mixes the examples of a batch."""
    if critic.mixes_examples(stats):
        raise UserError(
            "the critic has batch statistics or is packed, so its logits mix the examples of a batch and the gradient "
            "by one input is not that of one example: give it another norm and no packing, or drop the penalty. If "
            "its statistics aren't those of a batch, let its `mixes_examples` say so"
        )


def check_shapes(real: Array, fake: Array, logits: Array) -> None:
    """Refuses players that don't fit the data or each other."""
    if logits.shape != real.shape[:1]:
        raise UserError(f"the critic gives logits {logits.shape}, one an example would be {real.shape[:1]}")
    if fake.shape != real.shape:
        raise UserError(f"the generator makes {fake.shape}, the data are {real.shape}")


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
        if batch.x.shape[0] != count:
            raise UserError(f"the {player} takes {count} turns, its batches are for {batch.x.shape[0]} (axis 0)")
