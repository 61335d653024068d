"""The parts of the state that a turn changes, those that it leaves alone, and the average of the generator."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import GAME, HINGE, WITH_PENALTIES, centred, conditional_perceptron, data, frozen, played

from gan_jax import losses, priors
from gan_jax.constraints import spectral_norm
from gan_jax.nets import mlp
from gan_jax.types import Array, Batch, Mode, Network, Params, Players, same_stats
from gan_jax.update import make_init

sgd = optax.sgd


def test_the_first_state_is_a_function_of_the_key():
    init = jax.jit(
        make_init(
            Players(conditional_perceptron(), conditional_perceptron((2,))),
            HINGE,
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


def counting(network: Network) -> Network:
    """Counts its training passes and advances in its stats."""

    def init(*args: Any) -> tuple[Params, Params]:
        return network.init(*args)[0], {"passes": jnp.zeros(()), "advances": jnp.zeros(())}

    def apply(params: Params, stats: Params, x: Array, condition: Any, mode: Mode) -> tuple[Array, Params]:
        y, _ = network.apply(params, {}, x, condition, mode)
        return y, {**stats, "passes": stats["passes"] + 1.0 * mode.train}

    def advance(params: Params, stats: Params) -> Params:
        return {**stats, "advances": stats["advances"] + 1}

    return Network(init, apply, advance, mixes_examples=lambda stats: False)


@pytest.mark.parametrize("player", Players._fields)
def test_a_turn_changes_nothing_of_the_other_player(player):
    """The player named is frozen, so any change of its parameters or optimiser comes from the other's turns."""
    optimizers = Players(sgd(0.1, momentum=0.9), sgd(0.1, momentum=0.9))._replace(**{player: frozen()})
    nets = Players(counting(GAME.critic), counting(GAME.generator))
    before, after, _ = played(nets, WITH_PENALTIES, optimizers, data(5), critic_steps=3, generator_steps=2)
    for part in ("params", "opt_state"):
        pair = getattr(before, part), getattr(after, part)
        jax.tree.map(np.testing.assert_array_equal, *(getattr(players, player) for players in pair))
        (other,) = set(Players._fields) - {player}
        changed = [np.any(a != b) for a, b in zip(*(jax.tree.leaves(getattr(p, other)) for p in pair))]
        assert all(changed)
    # one generator pass and one advance per generator turn; a real pass, a fake pass and one advance per critic turn
    assert after.stats == Players({"passes": 6, "advances": 3}, {"passes": 2, "advances": 2})


def test_generator_turn_and_passes_leave_the_critics_singular_vectors_alone():
    nets = Players(spectral_norm(conditional_critic()), GAME.generator)
    before, after, _ = played(
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
        apply=lambda params, stats, x, condition, mode: inner.apply(params, stats, x, jnp.zeros(len(x), int), mode)
    )


def test_batch_statistics_are_those_of_real_then_of_fake_examples():
    x = data(3)
    nets = Players(centred(GAME.critic), GAME.generator)
    _, after, metrics = played(nets, losses.wasserstein(), Players(frozen(), sgd(0.1)), x, critic_steps=2)
    w, theta = np.array([3.0, 4.0]), np.array([0.5, -0.5])
    running = 0.0
    for batch in x[:2]:  # the generator's turn leaves them alone
        for mean in (batch.mean(axis=0) @ w, theta @ w):
            running = 0.5 * running + 0.5 * mean
    np.testing.assert_allclose(after.stats.critic["batch_stats"], [running], rtol=1e-5)
    # each pass is centred by its own batch alone
    np.testing.assert_allclose([metrics["critic/logits_real"], metrics["critic/logits_fake"]], 0, atol=1e-5)


def test_ema_is_the_weighted_mean_without_the_initial_values_and_covers_the_stats():
    decay, updates, turns = 0.8, 3, 2
    # a frozen critic w and the wasserstein loss: each generator turn adds rate · w
    _, after, _ = played(
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


def test_ema_keeps_the_newest_counters_and_flags_of_the_stats():
    def apply(params, stats, z, condition, mode):
        after = {"count": stats["count"] + 1, "first": jnp.zeros_like(stats["first"])}
        return GAME.generator.apply(params, {}, z, condition, mode)[0], after

    start = {"count": jnp.int32(0), "first": jnp.bool_(True)}
    network = Network(lambda *given: (GAME.generator.init(*given)[0], start), apply)
    _, after, _ = played(Players(GAME.critic, network), HINGE, Players(sgd(0.1), sgd(0.1)), data(2), updates=3)
    assert after.ema.stats == after.stats.generator == {"count": 3, "first": False}


def test_ema_after_one_turn_is_the_generator_and_without_decay_always():
    for options in ({"ema_decay": 0.999}, {"ema_decay": 1 - 1e-9}, {"ema_decay": 0.0, "updates": 3}):
        before, after, _ = played(GAME, HINGE, Players(sgd(0.1), sgd(0.1)), data(2), **options)
        assert np.any(after.params.generator != before.params.generator)
        np.testing.assert_allclose(after.ema.params, after.params.generator, rtol=1e-5)


def test_ema_of_a_spectral_norm_generator_has_the_singular_vectors_of_its_own_kernels():
    nets = Players(GAME.critic, spectral_norm(mlp.generator((2,), width=4, depth=1)))
    _, state, _ = played(nets, HINGE, Players(sgd(0.1), sgd(0.3)), data(2), updates=20, ema_decay=0.9)
    kernel = np.asarray(state.ema.params["Dense_0"]["kernel"])
    vectors = state.ema.stats["spectral"]["Dense_0/kernel"]
    np.testing.assert_allclose(np.linalg.norm(vectors.left), 1, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(vectors.right), 1, rtol=1e-5)
    sigma = np.asarray(vectors.left) @ kernel @ np.asarray(vectors.right)
    np.testing.assert_allclose(sigma, np.linalg.svd(kernel)[1][0], rtol=1e-3)
