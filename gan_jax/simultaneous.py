"""Simultaneous play: both players move at once, against one batch and the same latents, along the game's field.

The update is of the same type as that of gan_jax.update, with the same metrics, and runs in all the same ways::

    method = dynamics.chain(dynamics.gradient, dynamics.consensus(0.1))
    update = make_simultaneous_update(nets, objective, optimizers, prior, method=method)

The field is that of the whole batch on any number of devices: losses average the parameters over the devices, which
leaves them as they are and makes their gradient an average, then average their values. Both averages are their own
transposes, so every derivative of any order is that of the whole batch, and methods needn't know of devices.
"""

from collections.abc import Callable
from typing import Any

import jax
import optax

from gan_jax.dynamics import Method, check_field, gradient
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
from gan_jax.types import Array, Augment, Batch, Losses, Network, Objective, Params, Players, Prior, TrainState
from gan_jax.update import Update, check_rules, check_turns, stepped, with_ema

PLAYERS: tuple[Player, ...] = ("critic", "generator")
TURNS = Players(1, 0)  # batches for one turn of the critic; the generator plays on the same


def make_simultaneous_update(
    nets: Players[Network],
    objective: Objective,
    optimizers: Players[optax.GradientTransformation],
    prior: Prior,
    *,
    method: Method = gradient,
    ema_decay: EMADecay = 0.999,
    augment: Augment = unchanged,
    dtype: Any = None,
    axis_name: str | None = None,
) -> Update:
    """Makes the function (state, batches, key) -> (state, metrics): one step of both players at once.

    `batches.critic` holds the data of both players, [1, B, ...]; `batches.generator` is empty, [0, B, ...]. `deal` cuts
    them so. Metrics are those of `make_update`; `gradient_norm` is that of the player's part of the field.

    The field at other parameters, which most methods look at, is that of the same batch, latents, statistics and states
    of terms. Metrics, new statistics and states follow from the parameters before the step.

    Args:
      nets: Both networks.
      objective: Each player's loss. States of terms pass through the critic's loss, then the generator's.
      optimizers: Both players' optimisers. Each gets its player's part of the field as the gradient.
      prior: Draws the generator's latent examples.
      method: Maps the losses to the field that the players step against; see `gan_jax.dynamics`.
      ema_decay: As in `make_update`, per update.
      augment: How the critic sees examples, real and fake, in every pass.
      dtype: The networks' type of computation, as in `make_update`.
      axis_name: The mapped axis (pmap, vmap, shard_map) that the batch is split over.

    Raises:
      ValueError: A decay outside [0, 1), or a player without a loss.
    """
    rules = Rules(nets, objective, optimizers, prior, augment, ema_decay, dtype, axis_name)
    check_rules(rules)

    def update(state: TrainState, batches: Players[Batch], key: Array) -> tuple[TrainState, Metrics]:
        check_turns(batches, TURNS)
        evaluate = evaluation(rules, state, jax.tree.map(lambda x: x[0], batches.critic), key)
        _, (metrics, after) = evaluate(state.params)
        slopes = method(lambda params: evaluate(params)[0])(state.params)
        check_field(slopes, state.params)
        for player, slope in zip(PLAYERS, slopes):
            after = stepped(rules, player, after, slope)
            metrics |= named_for(player, {GRADIENT_NORM: optax.tree.norm(slope)})
        after = with_ema(rules, after, state.step + 1)
        return after._replace(step=state.step + 1), metrics | of_states(after)

    return update


def make_losses(
    nets: Players[Network],
    objective: Objective,
    prior: Prior,
    *,
    augment: Augment = unchanged,
    dtype: Any = None,
    axis_name: str | None = None,
) -> Callable[[TrainState, Batch, Array], Losses]:
    """Makes the function (state, batch, key) -> losses: the game around a state, as `gan_jax.spectrum` looks at it.

    The losses are functions of both players' parameters. They are those that `make_simultaneous_update` plays at this
    state, with the same key, on a batch [B, ...].

    Args:
      nets: Both networks.
      objective: Each player's loss.
      prior: Draws the generator's latent examples.
      augment: How the critic sees examples.
      dtype: The networks' type of computation.
      axis_name: The mapped axis that the batch is split over.
    """
    nothing = optax.set_to_zero()
    rules = Rules(nets, objective, Players(nothing, nothing), prior, augment, 0.0, dtype, axis_name)
    check_rules(rules)

    def at(state: TrainState, batch: Batch, key: Array) -> Losses:
        evaluate = evaluation(rules, state, batch, key)
        return lambda params: evaluate(params)[0]

    return at


Evaluation = Callable[[Players[Params]], tuple[Players[Array], tuple[Metrics, TrainState]]]


def evaluation(rules: Rules, state: TrainState, batch: Batch, key: Array) -> Evaluation:
    """The function params -> (losses, (metrics, the next state but for parameters)), over all devices."""
    keys = example_keys(jax.random.fold_in(jax.random.fold_in(key, state.step), 0), batch, rules.axis_name)
    stats = Players(*(net.advance(*given) for net, *given in zip(rules.nets, state.params, state.stats)))

    def evaluate(params: Players[Params]) -> tuple[Players[Array], tuple[Metrics, TrainState]]:
        game, new_stats = play(rules, average(params, rules.axis_name), stats, state, batch, keys)
        values, states = {}, state.objective
        metrics = named_for("critic", of_logits(game.logits))
        for player in PLAYERS:
            values[player], terms, states = judge(getattr(rules.objective, player), game._replace(state=states))
            metrics |= named_for(player, {LOSS: values[player], **of_terms(terms)})
        augment = advanced(rules.augment, state.augment, game)
        losses, metrics = average((Players(**values), metrics), rules.axis_name)
        return losses, (metrics, state._replace(stats=new_stats, objective=states, augment=augment))

    return evaluate


def named_for(player: Player, metrics: Metrics) -> Metrics:
    """The metrics under a player's names."""
    return {metric_name(player, name): value for name, value in metrics.items()}
