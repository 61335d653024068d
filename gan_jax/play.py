"""One play of a game: the generator makes examples, the critic judges real and fake ones, and losses look at both.

Each use of randomness has its own keys: a turn's key is folded with the example's place in the global batch, then with
the number of the use.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from gan_jax.errors import UserError
from gan_jax.keys import fold, fold_each
from gan_jax.objectives import evaluate
from gan_jax.trees import as_output, check_alike, mean_of, named, outline, size_of, strong
from gan_jax.types import (
    Array,
    Augment,
    Batch,
    Condition,
    Game,
    Loss,
    Mode,
    Network,
    Objective,
    Output,
    Pair,
    Params,
    Players,
    Prior,
    State,
    Terms,
    TrainState,
)

Metrics = dict[str, Array]
Player = Literal["critic", "generator"]
EMADecay = float | Callable[[Array], Array]

# The metrics of every game; `metric_name` puts the player's name in front. The critic alone has all of them.
LOSS, LOGITS_REAL, LOGITS_FAKE = "loss", "logits_real", "logits_fake"
ACCURACY_REAL, ACCURACY_FAKE, GRADIENT_NORM = "accuracy_real", "accuracy_fake", "gradient_norm"
OWN_METRICS = {LOSS, LOGITS_REAL, LOGITS_FAKE, ACCURACY_REAL, ACCURACY_FAKE, GRADIENT_NORM}

# An example's key of one turn is folded with one of these numbers for each use; AUGMENT + use for each augmentation.
LATENT, GENERATOR, REAL, FAKE, ELSEWHERE, TERMS, AUGMENT = range(7)

# The critic sees examples as they are.
unchanged = Augment(init=tuple, apply=lambda state, keys, x, step: x, advance=lambda state, game: state)


class Rules(NamedTuple):
    """The part of a game that is the same in every turn; see `make_update`."""

    nets: Players[Network]
    objective: Objective
    optimizers: Players[optax.GradientTransformation]
    prior: Prior
    augment: Augment
    ema_decay: EMADecay
    dtype: Any
    axis_name: str | None


def play(
    rules: Rules, params: Players[Params], stats: Players[Params], state: TrainState, batch: Batch, keys: Array
) -> tuple[Game, Players[Params]]:
    """One pass of the generator, and one of the critic over real and over fake examples: the game, and new stats."""
    nets, axis_name = rules.nets, rules.axis_name

    def mode(use: int) -> Mode:
        return Mode(train=True, keys=fold(keys, use), axis_name=axis_name, dtype=rules.dtype)

    def critic(stats: Params, x: Any, use: int) -> tuple[Output, Params]:
        seen = rules.augment.apply(state.augment, fold(keys, AUGMENT + use), x, state.step)
        y, stats = nets.critic.apply(params.critic, stats, seen, batch.condition, mode(use))
        return as_output(y), stats

    def critic_elsewhere(x: Any) -> Any:
        check_examples_apart(nets.critic, stats.critic)
        return critic(stats.critic, x, ELSEWHERE)[0].y

    def generator(z: Any, condition: Condition) -> tuple[Output, Params]:
        y, new_stats = nets.generator.apply(params.generator, stats.generator, z, condition, mode(GENERATOR))
        return as_output(y), new_stats

    z = jax.vmap(rules.prior)(fold(keys, LATENT))
    made, generator_stats = generator(z, batch.condition)
    of_real, critic_stats = critic(stats.critic, batch.x, REAL)
    check_shapes(batch.x, made.y, of_real.y)
    of_fake, critic_stats = critic(critic_stats, made.y, FAKE)
    game = Game(
        critic=critic_elsewhere,
        generator=lambda z, condition: generator(z, condition)[0],
        params=params,
        prior=rules.prior,
        real=batch.x,
        fake=made.y,
        z=z,
        condition=batch.condition,
        logits=Pair(of_real.y, of_fake.y),
        extra=Pair(of_real.extra, of_fake.extra),
        made=made.extra,
        keys=fold(keys, TERMS),
        step=state.step,
        mean=lambda x: average(jnp.mean(x), axis_name),
        state=state.objective,
    )
    return game, Players(critic_stats, generator_stats)


def judge(loss: Loss, game: Game) -> tuple[Array, Terms, State]:
    """A loss's value [], its terms [] and its next state.

    Raises:
      ValueError: The loss returns no terms and state, or a state unlike the one that it got.
    """
    terms, state = evaluate(loss, game)
    terms = jax.tree.map(jnp.mean, terms)
    if not jax.tree.leaves(terms):
        raise UserError("a loss returns no terms: return an array [B] or a dict of them, or leave the player no loss")
    return jnp.sum(jnp.stack(jax.tree.leaves(terms))), terms, jax.lax.stop_gradient(strong(state))


def advanced(augment: Augment, state: State, game: Game) -> State:
    """The augmentation's next state.

    Raises:
      ValueError: It is unlike the one before.
    """
    after = augment.advance(state, game)
    check_alike(state, after, "the augmentation")
    return jax.lax.stop_gradient(strong(after))


def metric_name(player: Player, name: str) -> str:
    """The key of a player's metric, such as "critic/loss"."""
    return f"{player}/{name}"


def of_terms(terms: Terms) -> Metrics:
    """The metrics of named terms, such as {"gradient_penalty": value, "a/b": value}; {} for one unnamed term."""
    names = {name: leaf for name, leaf in named(terms).items() if name}
    if taken := OWN_METRICS & names.keys():
        raise UserError(f"a term is named {' and '.join(taken)}, as a metric of every game: give it another name")
    return names


def of_logits(logits: Pair[Any]) -> Metrics:
    """The critic's metrics of its logits. Those of several heads are averaged."""
    return {
        LOGITS_REAL: mean_of(logits.real),
        LOGITS_FAKE: mean_of(logits.fake),
        ACCURACY_REAL: mean_of(logits.real, lambda real: jnp.mean(real > 0)),
        ACCURACY_FAKE: mean_of(logits.fake, lambda fake: jnp.mean(fake < 0)),
    }


def of_states(state: TrainState) -> Metrics:
    """The scalars in the states of terms and of the augmentation, such as {"augment/p": value}."""
    leaves = named({"objective": state.objective, "augment": state.augment})
    return {name: x for name, x in leaves.items() if not x.ndim and jnp.issubdtype(x.dtype, jnp.floating)}


def example_keys(key: Array, batch: Batch, axis_name: str | None) -> Array:
    """One key for each example on this device [B], by its place in the global batch."""
    if batch.place is not None:
        return fold_each(key, batch.place)
    size = size_of(batch.x)
    return fold_each(key, jnp.arange(size) + (0 if axis_name is None else jax.lax.axis_index(axis_name) * size))


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


def check_shapes(real: Any, fake: Any, logits: Any) -> None:
    """Refuses players that don't fit the data or each other."""
    size = (size_of(real),)
    for name, leaf in named(logits).items():
        if leaf.shape[:1] != size:
            of = f" under {name}" if name else ""
            raise UserError(f"the critic gives logits {leaf.shape}{of}, one an example would be {size}")
    if named(fake).keys() != named(real).keys():
        raise UserError(f"the generator makes {outline(fake)}, the data are {outline(real)}")
    for (name, x), y in zip(named(real).items(), named(fake).values()):
        if x.shape != y.shape:
            under = f"under {name}, " if name else ""
            raise UserError(f"{under}the generator makes {y.shape}, the data are {x.shape}")
