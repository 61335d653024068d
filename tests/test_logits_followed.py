"""Terms that remember logits: LeCam's anchors and BEGAN's balance; and consistency under transformations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from terms import JITTER
from toys import GAME, data, frozen, linear, make_game, of_logits, played, terms_of

from gan_jax import averages, losses, penalties
from gan_jax.objectives import add
from gan_jax.types import Array, Augment, Pair, Players

W, THETA = np.array([3.0, 4.0]), np.array([0.5, -0.5])
STILL = Players(frozen(), frozen())
REAL, FAKE = np.array([0.5, -1.0, 2.0], np.float32), np.array([0.25, 3.0, -0.5], np.float32)


# ---- LeCam


def test_lecam_is_the_distance_of_logits_from_the_other_kinds_average():
    x, decay = data(4), 0.75
    objective = add(w=losses.wasserstein(), lecam=penalties.lecam(decay))
    _, state, metrics = played(GAME, objective, STILL, x, critic_steps=3)
    real, fake = x[:3] @ W, THETA @ W
    found = []
    for turn in range(3):
        weights = decay ** np.arange(turn, -1, -1)
        mean = np.average(real[: turn + 1].mean(1), weights=weights)  # that of fake logits is constant
        found.append([((real[turn] - fake) ** 2).mean(), (fake - mean) ** 2])
    np.testing.assert_allclose(state.objective["lecam"].mean, (mean, fake), rtol=1e-4)
    expected = np.mean(found, axis=0)
    np.testing.assert_allclose([metrics["critic/lecam/real"], metrics["critic/lecam/fake"]], expected, rtol=1e-4)
    assert metrics["objective/lecam/mean/real"] == state.objective["lecam"].mean.real


def test_lecams_averages_have_no_gradient():
    before = averages.Average(Pair(jnp.float32(2.0), jnp.float32(-1.0)), jnp.int32(1))
    game, weight = of_logits(REAL, FAKE), float(averages.newest(0.5, 2))

    def value(real: Array, fake: Array) -> Array:
        own = game._replace(logits=Pair(real, fake), state=before)
        terms, _ = penalties.lecam(0.5).critic(own)
        return sum(map(jnp.sum, terms.values()))

    by_real, by_fake = jax.grad(value, (0, 1))(game.logits.real, game.logits.fake)
    np.testing.assert_allclose(by_real, 2 * (REAL - (-1 + weight * (FAKE.mean() + 1))), rtol=1e-5)
    np.testing.assert_allclose(by_fake, 2 * (FAKE - (2 + weight * (REAL.mean() - 2))), rtol=1e-5)


def test_heads_share_lecams_averages():
    heads = make_game(lambda x: {"a": x, "b": 3 * x[:, None]}, REAL, FAKE)
    found = terms_of(penalties.lecam(), "critic", heads)
    np.testing.assert_allclose(found["real"]["a"], (REAL - 2 * FAKE.mean()) ** 2, rtol=1e-5)
    np.testing.assert_allclose(found["fake"]["b"], (3 * FAKE[:, None] - 2 * REAL.mean()) ** 2, rtol=1e-5)


# ---- BEGAN


def balance(x: np.ndarray, diversity: float) -> float:
    """γ E[L(x)] - E[L(G(z))], where logits are -L."""
    return THETA @ W - diversity * (x @ W).mean()


def test_began_moves_its_balance_after_each_turn_of_the_critic():
    x, diversity, rate = data(4), 0.7, 0.01
    _, state, metrics = played(GAME, losses.began(diversity, rate), STILL, x, critic_steps=3)
    k, values = 0.0, []
    for turn in range(3):
        values.append(k * THETA @ W - (x[turn] @ W).mean())  # L(x) - k L(G(z))
        k = np.clip(k + rate * balance(x[turn], diversity), 0, 1)
    np.testing.assert_allclose(metrics["critic/loss"], np.mean(values), rtol=1e-4)
    np.testing.assert_allclose(metrics["generator/loss"], -THETA @ W, rtol=1e-5)
    np.testing.assert_allclose(state.objective["k"], k, rtol=1e-4, atol=1e-7)
    assert metrics["objective/k"] == state.objective["k"]


@pytest.mark.parametrize(("sign", "end"), [(1.0, 1.0), (-1.0, 0.0)])
def test_begans_balance_stays_between_0_and_1(sign, end):
    game = of_logits(REAL, FAKE + 10 * sign)
    _, state = losses.began(rate=100.0).critic(game._replace(state={"k": jnp.float32(0.5)}))
    assert state["k"] == end


def test_began_at_its_balance_keeps_it():
    real, fake = jnp.full(3, -2.0), jnp.full(3, -1.0)  # L(G(z)) = ½ L(x)
    _, state = losses.began(0.5, rate=0.1).critic(of_logits(real, fake)._replace(state={"k": jnp.float32(0.25)}))
    assert state["k"] == 0.25


def test_began_sums_over_heads():
    game = make_game(lambda x: {"a": x, "b": 2 * x}, REAL, FAKE)._replace(state={"k": jnp.float32(0.5)})
    terms, state = losses.began(0.5, rate=0.1).critic(game)
    np.testing.assert_allclose(terms["b"], 0.5 * 2 * FAKE - 2 * REAL, rtol=1e-5)
    np.testing.assert_allclose(state["k"], 0.5 + 0.1 * 3 * (FAKE.mean() - 0.5 * REAL.mean()), rtol=1e-5)


# ---- Consistency

SHIFT = np.array([0.5, -1.0])
by_shift = Augment(lambda: jnp.asarray(SHIFT), lambda state, keys, x, step: x + state[None] * step, lambda s, game: s)
POINTS = np.random.default_rng(0).normal(size=(2, 4, 2)).astype(np.float32)


def test_consistency_is_the_squared_change_of_the_logits():
    term = penalties.consistency(by_shift, real=10.0, fake=3.0)
    found = terms_of(term, "critic", make_game(linear(W), *POINTS, step=2))
    change = (W @ (2 * SHIFT)) ** 2
    np.testing.assert_allclose(found["real"], [10 * change] * 4, rtol=1e-4)
    np.testing.assert_allclose(found["fake"], [3 * change] * 4, rtol=1e-4)
    assert term.generator is None


def test_a_transformation_that_changes_nothing_is_consistent():
    found = terms_of(penalties.consistency(by_shift), "critic", make_game(linear(W), *POINTS, step=0))
    for value in found.values():
        np.testing.assert_array_equal(value, np.zeros(4))


def test_real_and_fake_examples_are_transformed_by_keys_of_their_own():
    same = POINTS[0]
    found = terms_of(penalties.consistency(JITTER), "critic", make_game(linear(W), same, same))
    assert len(np.unique(np.concatenate([found["real"], found["fake"]]))) == 8


def test_consistency_has_a_term_for_each_head():
    game = make_game(lambda x: {"a": linear(W)(x), "b": 2 * x}, *POINTS, step=1)
    found = terms_of(penalties.consistency(by_shift), "critic", game)
    np.testing.assert_allclose(found["real"]["a"], [(W @ SHIFT) ** 2] * 4, rtol=1e-4)
    np.testing.assert_allclose(found["fake"]["b"], np.broadcast_to((2 * SHIFT) ** 2, (4, 2)), rtol=1e-3)
