import functools
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import CLASSES, Moving, centred, conditional_perceptron, frozen, point, start, weights

from gan_jax import losses, penalties, priors
from gan_jax.constraints import clip_weights, packed, spectral_norm
from gan_jax.keys import fold
from gan_jax.nets import from_linen, mlp
from gan_jax.objectives import add, scale
from gan_jax.types import Array, Batch, Game, Mode, Network, Objective, Params, Players, TrainState, same_stats
from gan_jax.update import GENERATOR, LATENT, Metrics, deal, make_init, make_update

sgd = optax.sgd
HINGE = losses.hinge()
GAME = Players(weights([3.0, 4.0]), point([0.5, -0.5]))


def one(
    nets: Players[Network],
    objective: Objective,
    optimizers: Players[optax.GradientTransformation],
    x: Any,
    *,
    updates: int = 1,
    **options: Any,
) -> tuple[TrainState, TrainState, Metrics]:
    """The states before and after so many updates on the same data, and the last metrics.

    x: the critic's turns and then the generator's, [turns, B, ...].
    """
    batches, prior = in_turns(x, options.get("critic_steps", 1)), priors.normal(2)
    state = before = start(nets, optimizers, prior, batches)
    update = jax.jit(make_update(nets, objective, optimizers, prior, **options))
    for _ in range(updates):
        state, metrics = update(state, batches, jax.random.key(1))
    return before, state, metrics


def in_turns(x: Any, critic_steps: int) -> Players[Batch]:
    x = jnp.asarray(x, jnp.float32)
    return Players(Batch(x[:critic_steps]), Batch(x[critic_steps:]))


def data(turns: int, batch: int = 4) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(turns, batch, 2)).astype(np.float32)


# ---- What the players are given, turn by turn, in two updates of 3 critic and 2 generator turns.

K, J, B = 3, 2, 4


class Seen(NamedTuple):
    """What one use was given: of a network, a loss (`who` is the player) or an optimiser, which ends a turn."""

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
        def apply(params: Params, stats: Params, x: Array, label: Any, mode: Mode) -> tuple[Array, Params]:
            note("network", who, params=params, x=x, label=label, train=mode.train, keys=jax.vmap(shown)(mode.keys))
            return plain.apply(params, stats, x, label, mode)

        return plain._replace(apply=apply)

    def optimizer(who: str) -> optax.GradientTransformation:
        def update(updates: Params, state: Any, params: Any = None) -> tuple[Params, Any]:
            note("optimizer", who)
            return updates, state

        return optax.chain(sgd(0.1), optax.GradientTransformation(lambda params: optax.EmptyState(), update))

    def watch(who: str) -> Any:
        def loss(game: Game) -> Array:
            note("loss", who, real=game.real, step=game.step, keys=jax.vmap(shown)(game.keys))
            return getattr(losses.wasserstein(), who)(game)

        return loss

    watched = Objective(watch("critic"), watch("generator"))
    objective = add(a=watched, b=add(c=watched, d=penalties.gradient_penalty()))
    nets = Players(network("critic", GAME.critic), network("generator", shifted()))
    optimizers = Players(optimizer("critic"), optimizer("generator"))
    x = np.stack([data(K + J, B), 10 + data(K + J, B)])
    state = start(Players(GAME.critic, shifted()), optimizers, shown, in_turns(x[0], K))
    update = jax.jit(make_update(nets, objective, optimizers, shown, critic_steps=K, generator_steps=J))
    for real, label in zip(x, LABELS):
        batches = Players(Batch(real[:K], label[:K]), Batch(real[K:], label[K:]))
        state, _ = update(state, batches, jax.random.key(3))
    jax.effects_barrier()
    assert turns.pop() == []
    return turns, x


def shown(key: Array) -> Array:
    """A key as two numbers in [0, 1]; as a prior, the key that z would be drawn with."""
    return jax.random.key_data(key).astype(jnp.float32) / 2.0**32


def shifted() -> Network:
    """The generator z + θ."""
    return Network(
        init=lambda key, z, label: (jnp.zeros(2), {}),
        apply=lambda params, stats, z, label, mode: (z + params[None], stats),
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


def test_losses_are_told_the_step():
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
    same = Objective(*2 * [lambda game: 1.0 * jnp.any(game.fake == jax.vmap(shown)(game.keys), axis=1)])
    batches = in_turns(data(2), 1)
    optimizers = Players(sgd(0.1), sgd(0.1))
    update = jax.jit(make_update(nets, same, optimizers, shown))
    _, metrics = update(start(nets, optimizers, shown, batches), batches, jax.random.key(0))
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
        # while its own change from turn to turn
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
        labels, training = (given(turn, "network", who, name) for name in ("label", "train"))
        # the generator's pass; the critic on real, on fake and, in its own turns, in the penalty
        assert len(labels) == {"generator": 1, "critic": 3 if turn[-1].who == "critic" else 2}[who]
        np.testing.assert_array_equal(labels, [label] * len(labels))
        assert all(training)


@pytest.mark.parametrize(("dtype", "axis_name"), [(None, None), (jnp.bfloat16, "shards")])
def test_all_passes_of_both_players_are_in_one_mode(dtype, axis_name):
    seen: dict[str, list[Mode]] = {"critic": [], "generator": []}

    def spy(who: str, network: Network) -> Network:
        def apply(params: Params, stats: Params, x: Array, label: Any, mode: Mode) -> tuple[Array, Params]:
            seen[who].append(mode)
            return network.apply(params, stats, x, label, mode)

        return network._replace(apply=apply)

    nets, optimizers, batches = Players(*map(spy, Players._fields, GAME)), Players(sgd(0.1), sgd(0.1)), labelled_turns()
    options = {"critic_steps": K, "generator_steps": J, "dtype": dtype, "axis_name": axis_name}
    update = make_update(nets, WITH_PENALTIES, optimizers, priors.normal(2), **options)
    if axis_name:
        batches = jax.tree.map(lambda x: jnp.stack([x, x], 1), batches)
        update = jax.vmap(update, (None, 1, None), (None, None), axis_name=axis_name)
    jax.eval_shape(update, start(GAME, optimizers, priors.normal(2), labelled_turns()), batches, jax.random.key(0))
    for modes in seen.values():
        assert {(mode.train, mode.dtype, mode.axis_name) for mode in modes} == {(True, dtype, axis_name)}
        assert all(mode.keys.shape == (B,) for mode in modes)
    # a scan traces a turn once: real and fake in both players' turns, and the penalties' three
    assert len(seen["critic"]) >= 2 + 2 + 3


# ---- What a turn changes.


def counting(network: Network) -> Network:
    """Counts its training passes and advances in its stats."""

    def init(*args: Any) -> tuple[Params, Params]:
        return network.init(*args)[0], {"passes": jnp.zeros(()), "advances": jnp.zeros(())}

    def apply(params: Params, stats: Params, x: Array, label: Any, mode: Mode) -> tuple[Array, Params]:
        y, _ = network.apply(params, {}, x, label, mode)
        return y, {**stats, "passes": stats["passes"] + 1.0 * mode.train}

    return Network(init, apply, lambda params, stats: {**stats, "advances": stats["advances"] + 1})


WITH_PENALTIES = add(adversarial=HINGE, gp=penalties.gradient_penalty(), r1=penalties.r1(), r2=penalties.r2())


@pytest.mark.parametrize("player", Players._fields)
def test_a_turn_changes_nothing_of_the_other_player(player):
    """The player named is frozen, so any change of its parameters or optimiser comes from the other's turns."""
    optimizers = Players(sgd(0.1, momentum=0.9), sgd(0.1, momentum=0.9))._replace(**{player: frozen()})
    nets = Players(counting(GAME.critic), counting(GAME.generator))
    before, after, _ = one(nets, WITH_PENALTIES, optimizers, data(5), critic_steps=3, generator_steps=2)
    for part in ("params", "opt_state"):
        pair = getattr(before, part), getattr(after, part)
        jax.tree.map(np.testing.assert_array_equal, *(getattr(players, player) for players in pair))
        (other,) = set(Players._fields) - {player}
        changed = [np.any(a != b) for a, b in zip(*(jax.tree.leaves(getattr(p, other)) for p in pair))]
        assert all(changed)
    # one generator pass and one advance a generator turn; a real and a fake pass, and one advance, a critic turn
    assert after.stats == Players({"passes": 6, "advances": 3}, {"passes": 2, "advances": 2})


def test_one_optimiser_step_a_turn_however_many_penalties():
    counter = optax.chain(sgd(0.1), optax.scale_by_schedule(lambda count: 1.0))
    _, after, _ = one(GAME, WITH_PENALTIES, Players(counter, counter), data(5), critic_steps=3, generator_steps=2)
    assert [int(optax.tree.get(state, "count")) for state in after.opt_state] == [3, 2]


def test_generator_turn_and_passes_leave_the_critics_singular_vectors_alone():
    nets = Players(spectral_norm(conditional_critic()), GAME.generator)
    before, after, _ = one(
        nets, WITH_PENALTIES, Players(frozen(), sgd(0.1)), data(5), critic_steps=2, generator_steps=3
    )
    expected = before.stats.critic
    for _ in range(2):
        expected = nets.critic.advance(before.params.critic, expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), after.stats.critic, expected)


def conditional_critic() -> Network:
    """A critic of two layers; all examples have label 0."""
    inner = conditional_perceptron()
    return inner._replace(
        apply=lambda params, stats, x, label, mode: inner.apply(params, stats, x, jnp.zeros(len(x), int), mode)
    )


def test_clipped_critic_stays_within_its_limit():
    clipped = optax.chain(sgd(1.0), clip_weights(0.01))
    _, after, _ = one(GAME, losses.wasserstein(), Players(clipped, sgd(0.1)), data(3), critic_steps=2)
    np.testing.assert_allclose(np.abs(after.params.critic), 0.01, atol=1e-6)


# ---- Closed forms.


def test_one_update_of_wasserstein_with_penalties_is_the_one_by_hand():
    x = data(2)
    gamma, lambda_, rate = 0.3, 10.0, 0.01
    objective = add(
        adversarial=losses.wasserstein(),
        r1=scale(penalties.r1(), gamma),
        gradient_penalty=scale(penalties.gradient_penalty(), lambda_),
    )
    before, after, metrics = one(GAME, objective, Players(sgd(rate), sgd(rate)), x)
    w, theta = np.array([3.0, 4.0]), np.array([0.5, -0.5])
    difference = theta - x[0].mean(axis=0)
    # ∇ of E[D(fake)] - E[D(real)] + γ ½‖w‖² + λ (‖w‖ - 1)²
    gradient = difference + gamma * w + lambda_ * 2 * (5 - 1) * w / 5
    expected = w - rate * gradient
    np.testing.assert_allclose(after.params.critic, expected, rtol=1e-5)
    np.testing.assert_allclose(after.params.generator, theta + rate * expected, rtol=1e-5)  # the new critic
    assert {name: float(value) for name, value in metrics.items()} == pytest.approx(
        {
            "critic/adversarial": difference @ w,
            "critic/r1": gamma * 12.5,
            "critic/gradient_penalty": lambda_ * 16,
            "critic/loss": difference @ w + gamma * 12.5 + lambda_ * 16,
            "critic/logits_real": x[0].mean(axis=0) @ w,
            "critic/logits_fake": theta @ w,
            "critic/accuracy_real": np.mean(x[0] @ w > 0),
            "critic/accuracy_fake": float(theta @ w < 0),
            "critic/gradient_norm": np.linalg.norm(gradient),
            "generator/adversarial": -theta @ expected,
            "generator/loss": -theta @ expected,
            "generator/gradient_norm": np.linalg.norm(expected),
        },
        rel=1e-4,
    )
    assert int(after.step) == int(before.step) + 1 == 1


def test_metrics_are_means_over_the_turns_and_nested_terms_have_paths():
    x = data(4)
    objective = add(game=add(adversarial=losses.wasserstein(), drift=penalties.drift()))
    _, _, metrics = one(GAME, objective, Players(frozen(), frozen()), x, critic_steps=3)
    logits = x[:3] @ np.array([3.0, 4.0])
    np.testing.assert_allclose(metrics["critic/game/drift"], (logits**2).mean(), rtol=1e-5)
    np.testing.assert_allclose(metrics["critic/logits_real"], logits.mean(), rtol=1e-5)
    assert "generator/game/adversarial" in metrics
    assert "generator/game/drift" not in metrics


def test_ema_is_the_weighted_mean_without_the_initial_values_and_covers_the_stats():
    decay, updates, turns = 0.8, 3, 2
    # a frozen critic w and the wasserstein loss: each generator turn adds rate · w
    _, after, _ = one(
        Players(GAME.critic, counting(GAME.generator)._replace(advance=same_stats)),
        losses.wasserstein(),
        Players(frozen(), sgd(0.1)),
        data(3),
        updates=updates,
        generator_steps=turns,
        ema_decay=decay,
    )
    t = updates * turns
    i = np.arange(1, t + 1)
    weight = (1 - decay) * decay ** (t - i) / (1 - decay**t)
    np.testing.assert_allclose(weight.sum(), 1)
    theta = np.array([0.5, -0.5]) + 0.1 * i[:, None] * np.array([3.0, 4.0])
    np.testing.assert_allclose(after.params.generator, theta[-1], rtol=1e-5)
    np.testing.assert_allclose(after.ema.params, weight @ theta, rtol=1e-5)
    assert after.ema.stats == pytest.approx({"passes": weight @ i, "advances": 0}, rel=1e-5)


def test_ema_after_one_turn_is_the_generator_and_without_decay_always():
    for options in ({"ema_decay": 0.999}, {"ema_decay": 1 - 1e-9}, {"ema_decay": 0.0, "updates": 3}):
        before, after, _ = one(GAME, HINGE, Players(sgd(0.1), sgd(0.1)), data(2), **options)
        assert np.any(after.params.generator != before.params.generator)
        np.testing.assert_allclose(after.ema.params, after.params.generator, rtol=1e-5)


def test_batch_statistics_are_those_of_real_then_of_fake_examples():
    x = data(3)
    nets = Players(centred(GAME.critic), GAME.generator)
    _, after, metrics = one(nets, losses.wasserstein(), Players(frozen(), sgd(0.1)), x, critic_steps=2)
    w, theta = np.array([3.0, 4.0]), np.array([0.5, -0.5])
    running = 0.0
    for batch in x[:2]:  # the generator's turn leaves them alone
        for mean in (batch.mean(axis=0) @ w, theta @ w):
            running = 0.5 * running + 0.5 * mean
    np.testing.assert_allclose(after.stats.critic["batch_stats"], [running], rtol=1e-5)
    # each pass is centred by its own batch alone
    np.testing.assert_allclose([metrics["critic/logits_real"], metrics["critic/logits_fake"]], 0, atol=1e-5)


# ---- Dirac-GAN: real data at 0, D(x) = ψx, a generator at θ. Mescheder 2018, section 2.


def dirac(objective: Objective, start_at: tuple[float, float], updates: int = 1000) -> np.ndarray:
    """The path of (ψ, θ) under a rate of 0.1: [updates, 2]."""
    nets = Players(weights([start_at[0]]), point([start_at[1]]))
    optimizers = Players(sgd(0.1), sgd(0.1))
    prior, batches = priors.normal(1), in_turns(np.zeros((2, 1, 1)), 1)
    update = make_update(nets, objective, optimizers, prior)

    def step(state: TrainState, _: None) -> tuple[TrainState, Array]:
        state, _ = update(state, batches, jax.random.key(0))
        return state, jnp.concatenate(state.params)

    run = jax.jit(lambda state: jax.lax.scan(step, state, length=updates)[1])
    return np.asarray(run(start(nets, optimizers, prior, batches)))


@pytest.mark.parametrize(
    ("loss", "start_at"),
    # the non-saturating one loses a little of its radius, of the third order in it: not visible near 0
    [(losses.minimax(), (0.6, 0.8)), (losses.non_saturating(), (0.06, 0.08))],
    ids=["minimax", "non_saturating"],
)
def test_dirac_gan_circles_without_a_penalty(loss, start_at):
    path = dirac(loss, start_at)
    distance = np.linalg.norm(path, axis=1)
    revolution = 126  # rate · f'(0) = 0.05 radians an update
    assert distance[-revolution:].min() > 0.95 * distance[:revolution].min()
    assert distance[-revolution:].max() < 1.05 * distance[:revolution].max()
    assert (np.diff(np.sign(path[:, 1])) != 0).sum() in (14, 15, 16, 17)  # twice a revolution


@pytest.mark.parametrize("loss", [losses.minimax(), losses.non_saturating()], ids=["minimax", "non_saturating"])
def test_dirac_gan_converges_with_r1(loss):
    path = dirac(add(adversarial=loss, r1=penalties.r1()), (0.6, 0.8))
    assert np.linalg.norm(path[-1]) < 1e-6


# ---- What is refused.


def two_logits() -> Network:
    return weights([3.0, 4.0])._replace(apply=lambda params, stats, x, label, mode: (x @ params[:, None], stats))


BATCH_NORM = Players(centred(GAME.critic), GAME.generator)


@pytest.mark.parametrize(
    ("nets", "objective", "options", "turns", "message"),
    [
        (GAME, HINGE, {"critic_steps": 0}, 1, "critic_steps 0 and generator_steps 1: each must be 1 or more"),
        (GAME, HINGE, {"generator_steps": 0}, 1, "critic_steps 1 and generator_steps 0: each must be 1 or more"),
        (GAME, HINGE, {"ema_decay": 1.0}, 2, "ema_decay 1.0: it must be 0 or more, and less than 1"),
        (GAME, add(loss=HINGE), {}, 2, "a term is named loss, as a metric of every game"),
        (GAME, add(r1=penalties.r1()), {}, 2, "the objective leaves the generator no loss: add an adversarial"),
        (GAME, Objective(None, HINGE.generator), {}, 2, "the objective leaves the critic no loss"),
        (GAME, HINGE, {"critic_steps": 5}, 2, r"the critic takes 5 turns, its batches are for 2 \(axis 0\)"),
        (GAME, HINGE, {}, 3, r"the generator takes 1 turns, its batches are for 2 \(axis 0\)"),
        (
            Players(two_logits(), GAME.generator),
            HINGE,
            {},
            2,
            r"the critic gives logits \(4, 1\), one an example would be \(4,\)",
        ),
        (Players(GAME.critic, point([0.5])), HINGE, {}, 2, r"the generator makes \(4, 1\), the data are \(4, 2\)"),
        (
            BATCH_NORM,
            WITH_PENALTIES,
            {},
            2,
            "the critic has batch statistics or is packed, so its logits mix the examples of a batch",
        ),
    ],
)
def test_game_that_cannot_be_played_is_refused(nets, objective, options, turns, message):
    with pytest.raises(ValueError, match=message):
        one(nets, objective, Players(sgd(0.1), sgd(0.1)), data(turns), **options)


@pytest.mark.parametrize("name", ["gradient_penalty", "lipschitz_penalty", "dragan", "r1", "r2"])
def test_batch_norm_in_the_critic_is_refused_with_each_input_gradient_penalty(name):
    objective = add(adversarial=HINGE, penalty=getattr(penalties, name)())
    with pytest.raises(ValueError, match="batch statistics"):
        one(BATCH_NORM, objective, Players(sgd(0.1), sgd(0.1)), data(2))


class Own(nn.Module):
    """A critic with a norm of the user's own."""

    @nn.compact
    def __call__(self, x: Array, label: Array | None, mode: Mode) -> Array:
        return nn.Dense(1)(nn.tanh(Moving()(nn.Dense(4)(x), label, mode)))[:, 0]


@pytest.mark.parametrize("wrap", [lambda critic: critic, spectral_norm, lambda critic: packed(critic, 1)])
def test_a_norm_of_the_users_own_with_a_collection_of_its_own_is_refused_too_until_said_to_mix_nothing(wrap):
    def play(critic: Network) -> TrainState:
        return one(Players(wrap(critic), GAME.generator), WITH_PENALTIES, Players(sgd(0.1), sgd(0.1)), data(2))[1]

    with pytest.raises(ValueError, match="batch statistics"):
        play(from_linen(Own()))
    with pytest.raises(ValueError, match="batch statistics"):
        play(from_linen(Own(), mixes_examples=True))
    assert play(from_linen(Own(), mixes_examples=False)).step == 1


def test_batch_norm_in_the_critic_works_with_a_penalty_of_logits_alone():
    objective = add(adversarial=HINGE, drift=penalties.drift())
    _, _, metrics = one(BATCH_NORM, objective, Players(sgd(0.1), sgd(0.1)), data(2))
    assert np.isfinite(metrics["critic/loss"])


# ---- The rest.


def test_players_may_have_batches_of_their_own_sizes():
    x = Players(data(2, batch=3), data(1, batch=5))
    batches = jax.tree.map(lambda x: Batch(jnp.asarray(x)), x)
    optimizers = Players(frozen(), sgd(0.1))
    state = start(GAME, optimizers, priors.normal(2), batches)
    # the critic's share of the generator's objective makes the real batch visible
    watch = Objective(HINGE.critic, lambda game: game.logits.real)
    update = jax.jit(make_update(GAME, watch, optimizers, priors.normal(2), critic_steps=2))
    _, metrics = update(state, batches, jax.random.key(0))
    logits = jax.tree.map(lambda x: (x @ np.array([3.0, 4.0])).mean(), x)
    np.testing.assert_allclose(metrics["critic/logits_real"], logits.critic, rtol=1e-5)
    np.testing.assert_allclose(metrics["generator/loss"], logits.generator, rtol=1e-5)


def test_deal_gives_each_example_to_one_turn_in_order():
    x = jnp.arange(2 * 3 + 1 * 4)
    dealt = deal(Players((2, 3), (1, 4)), Batch(x[:, None], x))
    np.testing.assert_array_equal(dealt.critic.label, [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(dealt.generator.label, [[6, 7, 8, 9]])
    assert dealt.critic.x.shape == (2, 3, 1)
    assert dealt.generator.x.shape == (1, 4, 1)
    assert deal(Players((2, 3), (1, 4)), Batch(x)).critic.label is None


def test_the_first_state_is_a_function_of_the_key():
    init = jax.jit(
        make_init(
            Players(conditional_perceptron(), conditional_perceptron((2,))),
            Players(sgd(0.1), sgd(0.1)),
            priors.normal(3),
            Batch(jax.ShapeDtypeStruct((2,), jnp.float32)),
        )
    )
    first, again, other = (init(jax.random.key(seed)) for seed in (0, 0, 1))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    assert np.all(first.params.critic["first"] != other.params.critic["first"])
    jax.tree.map(np.testing.assert_array_equal, first.ema.params, first.params.generator)
    assert first.params.generator["first"].shape == (3, 8)
    assert np.all(first.params.critic["second"] != first.params.generator["second"][:, :1])


def test_ema_of_a_spectral_norm_generator_has_the_singular_vectors_of_its_own_kernels():
    nets = Players(GAME.critic, spectral_norm(mlp.generator((2,), width=4, depth=1)))
    _, state, _ = one(nets, HINGE, Players(sgd(0.1), sgd(0.3)), data(2), updates=20, ema_decay=0.9)
    kernel = np.asarray(state.ema.params["Dense_0"]["kernel"])
    vectors = state.ema.stats["spectral"]["Dense_0/kernel"]
    np.testing.assert_allclose(np.linalg.norm(vectors.left), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors.right), 1, rtol=1e-5)
    sigma = np.asarray(vectors.left) @ kernel @ np.asarray(vectors.right)
    np.testing.assert_allclose(sigma, np.linalg.svd(kernel)[1][0], rtol=1e-3)


# ---- The fake examples of the critic's turns.


def batch_normalised() -> Network:
    """A generator with classes, noise of its own and the statistics of its batch."""
    return centred(conditional_perceptron((2,), noise=0.5))


def labelled_turns() -> Players[Batch]:
    """K turns of the critic and J of the generator, [turns, B, ...], each with labels of its own."""
    labels = jnp.asarray(np.random.default_rng(1).integers(0, CLASSES, (K + J, B)), jnp.int32)
    return deal(Players((K, B), (J, B)), Batch(jnp.asarray(data(K + J, B).reshape(-1, 2)), labels.reshape(-1)))


def test_each_critic_turn_has_the_fake_examples_that_its_own_keys_and_labels_make_alone():
    made = []

    def watch(game: Game) -> Array:
        jax.debug.callback(lambda fake: made.append(np.array(fake)), game.fake, ordered=True)
        return HINGE.critic(game)

    nets, prior, key = Players(GAME.critic, batch_normalised()), priors.normal(3), jax.random.key(5)
    optimizers, batches = Players(sgd(0.1), sgd(0.1)), labelled_turns()
    state = start(nets, optimizers, prior, batches)
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
        expected += [fake_of(state, turn, label) for turn, label in enumerate(batches.critic.label)]
        state, _ = update(state, batches, key)
    jax.effects_barrier()
    np.testing.assert_allclose(made, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(np.mean(made, axis=1), 0, atol=1e-6)  # each turn's statistics are its own
    assert len(np.unique(made)) == 2 * K * B * 2


def test_critic_turns_on_a_split_batch_are_those_on_the_whole():
    nets, prior = Players(GAME.critic, batch_normalised()), priors.normal(3)
    optimizers, batches = Players(sgd(0.1), sgd(0.1)), labelled_turns()
    state = start(nets, optimizers, prior, batches)

    def make(axis_name: str | None) -> Any:
        return make_update(nets, HINGE, optimizers, prior, critic_steps=K, generator_steps=J, axis_name=axis_name)

    def split(x: Array) -> Array:
        return x.reshape(x.shape[0], 2, B // 2, *x.shape[2:])

    mapped = jax.vmap(make("shards"), (None, 1, None), (None, None), axis_name="shards")
    whole = jax.jit(make(None))(state, batches, jax.random.key(5))
    shared = jax.jit(mapped)(state, jax.tree.map(split, batches), jax.random.key(5))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), shared, whole)
