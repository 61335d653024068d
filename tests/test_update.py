"""One update by hand: parameters, metrics, and how the batch is dealt out to the turns."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import GAME, HINGE, WITH_PENALTIES, data, frozen, played, start

from gan_jax import losses, penalties, priors
from gan_jax.constraints import clip_weights
from gan_jax.objectives import add, scale
from gan_jax.types import Batch, Objective, Players
from gan_jax.update import deal, make_update

sgd = optax.sgd


def test_one_update_of_wasserstein_with_penalties_is_the_one_computed_by_hand():
    x = data(2)
    gamma, lambda_, rate = 0.3, 10.0, 0.01
    objective = add(
        adversarial=losses.wasserstein(),
        r1=scale(penalties.r1(), gamma),
        gradient_penalty=scale(penalties.gradient_penalty(), lambda_),
    )
    before, after, metrics = played(GAME, objective, Players(sgd(rate), sgd(rate)), x)
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
    _, _, metrics = played(GAME, objective, Players(frozen(), frozen()), x, critic_steps=3)
    logits = x[:3] @ np.array([3.0, 4.0])
    np.testing.assert_allclose(metrics["critic/game/drift"], (logits**2).mean(), rtol=1e-5)
    np.testing.assert_allclose(metrics["critic/logits_real"], logits.mean(), rtol=1e-5)
    assert "generator/game/adversarial" in metrics
    assert "generator/game/drift" not in metrics


def test_clipped_critic_stays_within_its_limit():
    clipped = optax.chain(sgd(1.0), clip_weights(0.01))
    _, after, _ = played(GAME, losses.wasserstein(), Players(clipped, sgd(0.1)), data(3), critic_steps=2)
    np.testing.assert_allclose(np.abs(after.params.critic), 0.01, atol=1e-6)


def test_one_optimiser_step_a_turn_however_many_penalties():
    counter = optax.chain(sgd(0.1), optax.scale_by_schedule(lambda count: 1.0))
    _, after, _ = played(GAME, WITH_PENALTIES, Players(counter, counter), data(5), critic_steps=3, generator_steps=2)
    assert [int(optax.tree.get(state, "count")) for state in after.opt_state] == [3, 2]


def test_players_may_have_batches_of_their_own_sizes():
    x = Players(data(2, batch=3), data(1, batch=5))
    batches = jax.tree.map(lambda x: Batch(jnp.asarray(x)), x)
    optimizers = Players(frozen(), sgd(0.1))
    state = start(GAME, HINGE, optimizers, priors.normal(2), batches)
    # the critic's share of the generator's objective makes the real batch visible
    watch = Objective(HINGE.critic, lambda game: (game.logits.real, game.state))
    update = jax.jit(make_update(GAME, watch, optimizers, priors.normal(2), critic_steps=2))
    _, metrics = update(state, batches, jax.random.key(0))
    logits = jax.tree.map(lambda x: (x @ np.array([3.0, 4.0])).mean(), x)
    np.testing.assert_allclose(metrics["critic/logits_real"], logits.critic, rtol=1e-5)
    np.testing.assert_allclose(metrics["generator/loss"], logits.generator, rtol=1e-5)


def test_deal_gives_each_example_to_one_turn_in_order():
    x = jnp.arange(2 * 3 + 1 * 4)
    dealt = deal(Players((2, 3), (1, 4)), Batch(x[:, None], x))
    np.testing.assert_array_equal(dealt.critic.condition, [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(dealt.generator.condition, [[6, 7, 8, 9]])
    assert dealt.critic.x.shape == (2, 3, 1)
    assert dealt.generator.x.shape == (1, 4, 1)
    assert deal(Players((2, 3), (1, 4)), Batch(x)).critic.condition is None
