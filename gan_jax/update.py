"""The one pure step: K turns of the critic, then J of the generator. It knows no devices, only an axis name.

    update = make_update(nets, objective, optimizers, prior, critic_steps=5)
    state, metrics = jax.jit(update)(state, batches, key)

Randomness: the run's key is folded with the step, the turn, and the example's place in the global batch, so a resumed
run, another number of devices and more seeds change no random number.
"""

import math
from collections.abc import Callable
from typing import Any, Literal

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

# The metrics of every game, each under its player's name: metric_name("critic", LOSS). The critic alone has all.
LOSS, LOGITS_REAL, LOGITS_FAKE = "loss", "logits_real", "logits_fake"
ACCURACY_REAL, ACCURACY_FAKE, GRADIENT_NORM = "accuracy_real", "accuracy_fake", "gradient_norm"
OWN_METRICS = {LOSS, LOGITS_REAL, LOGITS_FAKE, ACCURACY_REAL, ACCURACY_FAKE, GRADIENT_NORM}

# What an example's key of one turn is folded with, one number for each use.
LATENT, GENERATOR, REAL, FAKE, ELSEWHERE, TERMS = range(6)


def make_init(
    nets: Players[Network], optimizers: Players[optax.GradientTransformation], prior: Prior, example: Batch
) -> Callable[[Array], TrainState]:
    """Returns key -> TrainState. `example` holds the shapes of one example of the data, without a batch axis."""

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
    """Returns (state, batches, key) -> (state, metrics).

    `batches` holds fresh data for each turn of each player, [critic_steps, B, ...] and [generator_steps, B, ...]; B may
    differ between the two. `key` is the run's, always the same. Metrics are means over the batch and over the player's
    turns: `critic/loss`, `critic/NAME` for each named term, the norm of the gradient, the mean logits, and the critic's
    accuracy, which is the share of real logits above 0 and of fake ones below. That is one where the loss is minimax,
    non-saturating or hinge; others (Wasserstein, least squares, relativistic, some f-GANs) don't draw the line at 0.

    A turn changes its own player's part of the state and nothing of the other's. Batch statistics, where a critic has
    them, are those of the real batch in the real pass and of the fake batch in the fake pass, and the running ones
    take both in that order.

    Args:
      ema_decay: of the generator's parameters and statistics, each generator turn, without the weight of the
        initial values (the debiased mean of Kingma & Ba 2015, section 3).
      dtype: what the networks compute in, as jnp.bfloat16, which halves their activations; parameters, statistics,
        losses and the norms of penalties stay as they are. Logits have its precision: one part in 256.
      axis_name: the mapped axis (pmap, vmap, shard_map) that the batch is split over.

    Raises:
      ValueError: numbers of turns below 1, a decay outside [0, 1), or a player without a loss.
    """
    if critic_steps < 1 or generator_steps < 1:
        raise UserError(f"critic_steps {critic_steps} and generator_steps {generator_steps}: each must be 1 or more")
    if not 0 <= ema_decay < 1:
        raise UserError(f"ema_decay {ema_decay}: it must be from 0 up to, but not, 1")
    for player, loss in objective._asdict().items():
        if loss is None:
            raise UserError(f"the objective leaves the {player} no loss: add an adversarial term")
    log_decay = math.log(max(ema_decay, 1e-30))  # of no decay too

    def update(state: TrainState, batches: Players[Batch], key: Array) -> tuple[TrainState, Metrics]:
        check_turns(batches, Players(critic_steps, generator_steps))
        numbers = jnp.arange(critic_steps + generator_steps)
        keys = fold_each(jax.random.fold_in(key, state.step), numbers)
        state, critic_metrics = jax.lax.scan(critic_turn, state, (batches.critic, keys[:critic_steps]))
        state, generator_metrics = jax.lax.scan(
            generator_turn, state, (batches.generator, keys[critic_steps:], jnp.arange(generator_steps))
        )
        metrics = jax.tree.map(jnp.mean, critic_metrics | generator_metrics)
        return state._replace(step=state.step + 1), metrics

    def critic_turn(state: TrainState, given: tuple[Batch, Array]) -> tuple[TrainState, Metrics]:
        return turn("critic", state, *given)

    def generator_turn(state: TrainState, given: tuple[Batch, Array, Array]) -> tuple[TrainState, Metrics]:
        batch, key, number = given
        state, metrics = turn("generator", state, batch, key)
        count = state.step * generator_steps + number + 1
        # over 1 - decay^count, of which rounding would leave little
        weight = (1 - ema_decay) / -jnp.expm1(count * log_decay)
        current = Variables(state.params.generator, state.stats.generator)
        ema = jax.tree.map(lambda mean, new: mean + weight * (new - mean), state.ema, current)
        ema = ema._replace(stats=nets.generator.advance(*ema))  # singular vectors must be those of the mean
        return state._replace(ema=ema), metrics

    def turn(player: Player, state: TrainState, batch: Batch, key: Array) -> tuple[TrainState, Metrics]:
        network, optimizer, loss, params, stats, opt_state = (
            getattr(pair, player) for pair in (nets, optimizers, objective, state.params, state.stats, state.opt_state)
        )
        keys = example_keys(key, batch)
        stats = state.stats._replace(**{player: network.advance(params, stats)})

        def total(params: Params) -> tuple[Array, tuple[Terms, Players[Params]]]:
            players = state.params._replace(**{player: params})
            game, new_stats = play(players, stats, batch, keys, state.step)
            terms = jax.tree.map(jnp.mean, loss(game))
            loss_value = jnp.sum(jnp.stack(jax.tree.leaves(terms)))
            shown = {LOSS: loss_value, **named(terms)}
            if player == "critic":
                shown |= {
                    LOGITS_REAL: jnp.mean(game.logits.real),
                    LOGITS_FAKE: jnp.mean(game.logits.fake),
                    ACCURACY_REAL: jnp.mean(game.logits.real > 0),
                    ACCURACY_FAKE: jnp.mean(game.logits.fake < 0),
                }
            return loss_value, (shown, new_stats)

        grads, (shown, new_stats) = jax.grad(total, has_aux=True)(on_each_device(params))
        grads, shown = average((grads, shown))
        updates, opt_state = optimizer.update(grads, opt_state, params)
        state = state._replace(
            params=state.params._replace(**{player: optax.apply_updates(params, updates)}),
            stats=state.stats._replace(**{player: getattr(new_stats, player)}),
            opt_state=state.opt_state._replace(**{player: opt_state}),
        )
        shown[GRADIENT_NORM] = optax.tree.norm(grads)
        return state, {metric_name(player, name): value for name, value in shown.items()}

    def play(
        params: Players[Params], stats: Players[Params], batch: Batch, keys: Array, step: Array
    ) -> tuple[Game, Players[Params]]:
        """One pass of the generator and one of the critic over real and over fake examples."""

        def mode(use: int) -> Mode:
            return Mode(train=True, keys=fold(keys, use), axis_name=axis_name, dtype=dtype)

        def critic(stats: Params, x: Array, use: int) -> tuple[Array, Params]:
            return nets.critic.apply(params.critic, stats, x, batch.label, mode(use))

        def critic_elsewhere(x: Array) -> Array:
            if "batch_stats" in stats.critic or nets.critic.mixes_examples:
                why = "is packed" if nets.critic.mixes_examples else "has batch normalisation"
                raise UserError(
                    f"the critic {why}, so its logits mix the examples of a batch and the gradient by one input is "
                    "not that of one example: give it another norm and no packing, or drop the penalty"
                )
            return critic(stats.critic, x, ELSEWHERE)[0]

        z = jax.vmap(prior)(fold(keys, LATENT))
        fake, generator_stats = nets.generator.apply(params.generator, stats.generator, z, batch.label, mode(GENERATOR))
        real_logits, critic_stats = critic(stats.critic, batch.x, REAL)
        one_each = batch.x.shape[:1]
        if real_logits.shape != one_each:
            raise UserError(f"the critic gives logits {real_logits.shape}, one an example would be {one_each}")
        if fake.shape != batch.x.shape:
            raise UserError(f"the generator makes {fake.shape}, the data are {batch.x.shape}")
        fake_logits, critic_stats = critic(critic_stats, fake, FAKE)
        game = Game(
            critic=critic_elsewhere,
            real=batch.x,
            fake=fake,
            logits=Logits(real_logits, fake_logits),
            keys=fold(keys, TERMS),
            step=step,
            mean=lambda x: average(jnp.mean(x)),
        )
        return game, Players(critic_stats, generator_stats)

    def example_keys(key: Array, batch: Batch) -> Array:
        """One key for each example on this device, by its place in the global batch."""
        if batch.place is not None:
            places = batch.place
        else:
            size = batch.x.shape[0]
            places = jnp.arange(size) + (0 if axis_name is None else jax.lax.axis_index(axis_name) * size)
        return fold_each(key, places)

    def on_each_device(params: Params) -> Params:
        """Parameters that vary over the axis, or shard_map with check_vma would sum their gradients unasked."""
        if axis_name is None:
            return params
        nothing = 0 * jax.lax.axis_index(axis_name)
        return jax.tree.map(lambda p: p + nothing.astype(p.dtype), params)

    def average(tree: Any) -> Any:
        return tree if axis_name is None else jax.lax.pmean(tree, axis_name)

    return update


def metric_name(player: Player, name: str) -> str:
    """The key of a player's metric: "critic/loss"."""
    return f"{player}/{name}"


def deal(turns: Players[tuple[int, int]], batch: Batch) -> Players[Batch]:
    """Deals a batch of all the examples of an update out to the turns: [N, ...] -> each player's [turns, B, ...].

    turns: each player's number of turns, and of examples a turn.
    """
    first = math.prod(turns.critic)
    return Players(
        critic=jax.tree.map(lambda x: x[:first].reshape(*turns.critic, *x.shape[1:]), batch),
        generator=jax.tree.map(lambda x: x[first:].reshape(*turns.generator, *x.shape[1:]), batch),
    )


def check_turns(batches: Players[Batch], turns: Players[int]) -> None:
    for player, batch, count in zip(Players._fields, batches, turns):
        if batch.x.shape[0] != count:
            raise UserError(f"the {player} takes {count} turns, its batches are for {batch.x.shape[0]} (axis 0)")


def named(terms: Terms) -> dict[str, Array]:
    """{'gradient_penalty': value, 'a/b': value}; nothing for a loss of one unnamed term."""
    leaves = jax.tree.leaves_with_path(terms)
    names = {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves if path}
    if taken := OWN_METRICS & names.keys():
        raise UserError(f"a term is named {' and '.join(taken)}, as a metric of every game: give it another name")
    return names
