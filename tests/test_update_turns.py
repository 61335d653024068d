"""The turns of an update: the data, labels, keys, modes and fake examples of each pass."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import (
    CLASSES,
    GAME,
    HINGE,
    WITH_PENALTIES,
    centred,
    conditional_perceptron,
    data,
    in_turns,
    start,
)

from gan_jax import losses, penalties, priors
from gan_jax.keys import fold
from gan_jax.objectives import add
from gan_jax.play import GENERATOR, LATENT
from gan_jax.types import Array, Batch, Game, Mode, Network, Objective, Params, Players, State, Terms, TrainState
from gan_jax.update import deal, make_update

sgd = optax.sgd


K, J, B = 3, 2, 4


class Seen(NamedTuple):
    """The inputs of one use of a network, a loss (`who` is the player) or an optimiser, which ends a turn."""

    use: str
    who: str
    arrays: dict[str, np.ndarray]


LABELS = np.random.default_rng(1).integers(0, CLASSES, (2, K + J, B)).astype(np.int32)


@functools.cache
def recorded() -> tuple[list[list[Seen]], np.ndarray]:
    """The uses of each turn in order, and the data [updates, turns, B, 2], whose labels are LABELS."""
    turns: list[list[Seen]] = [[]]

    def note(use: str, who: str, **arrays: Any) -> None:
        def keep(**arrays: Any) -> None:
            turns[-1].append(Seen(use, who, {name: np.array(value) for name, value in arrays.items()}))
            if use == "optimizer":
                turns.append([])

        jax.debug.callback(keep, ordered=True, **arrays)

    def network(who: str, plain: Network) -> Network:
        def apply(params: Params, stats: Params, x: Array, condition: Any, mode: Mode) -> tuple[Array, Params]:
            note(
                "network",
                who,
                params=params,
                x=x,
                condition=condition,
                train=mode.train,
                keys=jax.vmap(as_numbers)(mode.keys),
            )
            return plain.apply(params, stats, x, condition, mode)

        return plain._replace(apply=apply)

    def optimizer(who: str) -> optax.GradientTransformation:
        def update(updates: Params, state: Any, params: Any = None) -> tuple[Params, Any]:
            note("optimizer", who)
            return updates, state

        return optax.chain(sgd(0.1), optax.GradientTransformation(lambda params: optax.EmptyState(), update))

    def watch(who: str) -> Any:
        def loss(game: Game) -> tuple[Terms, State]:
            note("loss", who, real=game.real, step=game.step, keys=jax.vmap(as_numbers)(game.keys))
            return getattr(losses.wasserstein(), who)(game)

        return loss

    watched = Objective(watch("critic"), watch("generator"))
    objective = add(a=watched, b=add(c=watched, d=penalties.gradient_penalty()))
    nets = Players(network("critic", GAME.critic), network("generator", shifted()))
    optimizers = Players(optimizer("critic"), optimizer("generator"))
    x = np.stack([data(K + J, B), 10 + data(K + J, B)])
    state = start(Players(GAME.critic, shifted()), objective, optimizers, as_numbers, in_turns(x[0], K))
    update = jax.jit(make_update(nets, objective, optimizers, as_numbers, critic_steps=K, generator_steps=J))
    for real, label in zip(x, LABELS):
        batches = Players(Batch(real[:K], label[:K]), Batch(real[K:], label[K:]))
        state, _ = update(state, batches, jax.random.key(3))
    jax.effects_barrier()
    assert turns.pop() == []
    return turns, x


def as_numbers(key: Array) -> Array:
    """A key as two numbers in [0, 1]. As a prior, it makes z the key that z would be drawn with."""
    return jax.random.key_data(key).astype(jnp.float32) / 2.0**32


def shifted() -> Network:
    """The generator z + θ."""
    return Network(
        init=lambda key, z, condition: (jnp.zeros(2), {}),
        apply=lambda params, stats, z, condition, mode: (z + params[None], stats),
    )


def given(turn: list[Seen], use: str, who: str, name: str) -> list[np.ndarray]:
    return [seen.arrays[name] for seen in turn if (seen.use, seen.who) == (use, who)]


def test_critic_takes_its_turns_first_and_then_the_generator_with_one_optimiser_step_a_turn():
    turns, _ = recorded()
    assert [turn[-1].who for turn in turns] == 2 * (K * ["critic"] + J * ["generator"])
    for turn in turns:
        assert {seen.who for seen in turn if seen.use == "loss"} == {turn[-1].who}


def test_each_turn_has_its_own_data():
    turns, x = recorded()
    for turn, batch in zip(turns, x.reshape(-1, B, 2), strict=True):
        for real in given(turn, "loss", turn[-1].who, "real"):
            np.testing.assert_array_equal(real, batch)


def test_losses_get_the_step():
    turns, _ = recorded()
    steps = [given(turn, "loss", turn[-1].who, "step")[0] for turn in turns]
    np.testing.assert_array_equal(steps, (K + J) * [0] + (K + J) * [1])


def test_noise_is_fresh_in_each_turn_and_for_each_example():
    turns, _ = recorded()
    z = np.concatenate([given(turn, "network", "generator", "x")[0] for turn in turns])
    assert z.shape == (2 * (K + J) * B, 2)
    assert len(np.unique(z)) == z.size


def test_all_keys_of_all_turns_are_distinct():
    turns, _ = recorded()
    found = [keys for turn in turns for seen in turn for name, keys in seen.arrays.items() if name == "keys"]
    latents = [given(turn, "network", "generator", "x")[0] for turn in turns]
    distinct = {tuple(key) for keys in [*found, *latents] for key in keys}
    # latent; generator; critic on real, on fake and, in its own turns, elsewhere; the two terms that look
    assert len(distinct) == 2 * B * (K * (1 + 1 + 3 + 2) + J * (1 + 1 + 2 + 2))


def test_a_term_alone_does_not_draw_with_the_keys_of_the_latents():
    latents = Network(lambda *_: (jnp.zeros(2), {}), lambda params, stats, z, *_: (z + 0 * params[None], stats))
    nets = Players(GAME.critic, latents)
    same = Objective(*2 * [lambda game: (1.0 * jnp.any(game.fake == jax.vmap(as_numbers)(game.keys), axis=1), ())])
    batches = in_turns(data(2), 1)
    optimizers = Players(sgd(0.1), sgd(0.1))
    update = jax.jit(make_update(nets, same, optimizers, as_numbers))
    _, metrics = update(start(nets, same, optimizers, as_numbers, batches), batches, jax.random.key(0))
    assert metrics["critic/loss"] == metrics["generator/loss"] == 0


def test_a_players_turn_leaves_the_other_players_parameters_bit_identical():
    turns, _ = recorded()
    for first in (0, K + J):
        own = turns[first : first + K]
        thetas = [given(turn, "network", "generator", "params")[0] for turn in own]
        for theta in thetas:
            np.testing.assert_array_equal(theta, thetas[0])
        ws = [given(turn, "network", "critic", "params")[0] for turn in turns[first + K : first + K + J]]
        for w in ws:
            np.testing.assert_array_equal(w, ws[0])
        # but its own change from turn to turn
        assert len({given(turn, "network", "critic", "params")[0].tobytes() for turn in own}) == K


def test_all_passes_of_a_turn_see_the_same_parameters():
    turns, _ = recorded()
    for turn in turns:
        for who in Players._fields:
            assert len({params.tobytes() for params in given(turn, "network", who, "params")}) == 1


@pytest.mark.parametrize("who", Players._fields)
def test_all_passes_of_a_turn_get_the_labels_of_its_own_batch_and_train(who):
    turns, _ = recorded()
    for turn, label in zip(turns, LABELS.reshape(-1, B), strict=True):
        labels, training = (given(turn, "network", who, name) for name in ("condition", "train"))
        # the generator's pass; the critic on real, on fake and, in its own turns, in the penalty
        assert len(labels) == {"generator": 1, "critic": 3 if turn[-1].who == "critic" else 2}[who]
        np.testing.assert_array_equal(labels, [label] * len(labels))
        assert all(training)


@pytest.mark.parametrize(("dtype", "axis_name"), [(None, None), (jnp.bfloat16, "shards")])
def test_all_passes_of_both_players_are_in_one_mode(dtype, axis_name):
    seen: dict[str, list[Mode]] = {"critic": [], "generator": []}

    def spy(who: str, network: Network) -> Network:
        def apply(params: Params, stats: Params, x: Array, condition: Any, mode: Mode) -> tuple[Array, Params]:
            seen[who].append(mode)
            return network.apply(params, stats, x, condition, mode)

        return network._replace(apply=apply)

    nets, optimizers, batches = Players(*map(spy, Players._fields, GAME)), Players(sgd(0.1), sgd(0.1)), labelled_turns()
    options = {"critic_steps": K, "generator_steps": J, "dtype": dtype, "axis_name": axis_name}
    update = make_update(nets, WITH_PENALTIES, optimizers, priors.normal(2), **options)
    if axis_name:
        batches = jax.tree.map(lambda x: jnp.stack([x, x], 1), batches)
        update = jax.vmap(update, (None, 1, None), (None, None), axis_name=axis_name)
    jax.eval_shape(
        update, start(GAME, WITH_PENALTIES, optimizers, priors.normal(2), labelled_turns()), batches, jax.random.key(0)
    )
    for modes in seen.values():
        assert {(mode.train, mode.dtype, mode.axis_name) for mode in modes} == {(True, dtype, axis_name)}
        assert all(mode.keys.shape == (B,) for mode in modes)
    # a scan traces a turn once: real and fake in both players' turns, and the penalties' three
    assert len(seen["critic"]) >= 2 + 2 + 3


def batch_normalised() -> Network:
    """A generator with classes, its own noise, and batch statistics."""
    return centred(conditional_perceptron((2,), noise=0.5))


def labelled_turns() -> Players[Batch]:
    """K turns of the critic and J of the generator, [turns, B, ...], each with its own labels."""
    labels = jnp.asarray(np.random.default_rng(1).integers(0, CLASSES, (K + J, B)), jnp.int32)
    return deal(Players((K, B), (J, B)), Batch(jnp.asarray(data(K + J, B).reshape(-1, 2)), labels.reshape(-1)))


def test_each_critic_turn_has_the_fake_examples_that_its_own_keys_and_labels_make_alone():
    made = []

    def watch(game: Game) -> tuple[Terms, State]:
        jax.debug.callback(lambda fake: made.append(np.array(fake)), game.fake, ordered=True)
        return HINGE.critic(game)

    nets, prior, key = Players(GAME.critic, batch_normalised()), priors.normal(3), jax.random.key(5)
    optimizers, batches = Players(sgd(0.1), sgd(0.1)), labelled_turns()
    state = start(nets, HINGE, optimizers, prior, batches)
    watched = Objective(watch, HINGE.generator)
    update = jax.jit(make_update(nets, watched, optimizers, prior, critic_steps=K, generator_steps=J))

    @jax.jit
    def fake_of(state: TrainState, turn: Array, label: Array) -> Array:
        own = jax.random.fold_in(jax.random.fold_in(key, state.step), turn)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(own, jnp.arange(B))
        z = jax.vmap(prior)(fold(keys, LATENT))
        return nets.generator.apply(
            state.params.generator, state.stats.generator, z, label, Mode(train=True, keys=fold(keys, GENERATOR))
        )[0]

    expected = []
    for _ in range(2):
        expected += [fake_of(state, turn, label) for turn, label in enumerate(batches.critic.condition)]
        state, _ = update(state, batches, key)
    jax.effects_barrier()
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.mean(made, axis=1), 0, atol=1e-6)  # each turn has its own statistics
    assert len(np.unique(made)) == 2 * K * B * 2


def test_critic_turns_on_a_split_batch_are_those_on_the_whole():
    nets, prior = Players(GAME.critic, batch_normalised()), priors.normal(3)
    optimizers, batches = Players(sgd(0.1), sgd(0.1)), labelled_turns()
    state = start(nets, HINGE, optimizers, prior, batches)

    def make(axis_name: str | None) -> Any:
        return make_update(nets, HINGE, optimizers, prior, critic_steps=K, generator_steps=J, axis_name=axis_name)

    def split(x: Array) -> Array:
        return x.reshape(x.shape[0], 2, B // 2, *x.shape[2:])

    mapped = jax.vmap(make("shards"), (None, 1, None), (None, None), axis_name="shards")
    whole = jax.jit(make(None))(state, batches, jax.random.key(5))
    shared = jax.jit(mapped)(state, jax.tree.map(split, batches), jax.random.key(5))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), shared, whole)
