import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, strategies as st
from toys import linear, make_game, of_logits, terms_of

from gan_jax import losses, penalties
from gan_jax.errors import UserError
from gan_jax.objectives import add, every, scale
from gan_jax.types import Game, Objective

REAL, FAKE = np.array([0.5, -1.0, 2.0], np.float32), np.array([0.25, 3.0, -0.5], np.float32)
hinge, wasserstein, drift = losses.hinge(), losses.wasserstein(), penalties.drift()


def critic_loss(term: Objective, step: int = 0):
    return terms_of(term, "critic", of_logits(REAL, FAKE, step=step))


def draw() -> Objective:
    """A term whose value is its draw."""
    return penalties.critic_penalty(lambda game: jax.vmap(jax.random.uniform)(game.keys))


def test_add_names_its_terms():
    both = critic_loss(add(adversarial=wasserstein, drift=drift))
    assert list(both) == ["adversarial", "drift"]
    np.testing.assert_array_equal(both["adversarial"], FAKE - REAL)
    np.testing.assert_array_equal(both["drift"], REAL**2)


def test_add_leaves_out_the_terms_in_which_a_player_has_no_stake():
    term = add(drift=drift, adversarial=wasserstein)
    assert list(terms_of(term, "generator", of_logits(REAL, FAKE))) == ["adversarial"]
    assert add(drift=drift).generator is None
    assert add(drift=drift).critic is not None


def test_add_nests():
    nested = critic_loss(add(adversarial=hinge, regular=add(drift=drift, again=scale(drift, 2.0))))
    np.testing.assert_array_equal(nested["regular"]["again"], 2 * nested["regular"]["drift"])


def test_terms_draw_from_keys_of_their_own_at_every_depth():
    term = add(a=draw(), b=draw(), c=add(a=draw(), b=draw(), c=add(a=draw())), d=scale(every(1, draw()), 1.0))
    drawn = jax.tree.leaves(critic_loss(term))
    assert len(np.unique(drawn)) == len(drawn) * len(REAL)


def test_scale_takes_a_number_or_a_schedule_of_the_step():
    np.testing.assert_array_equal(critic_loss(scale(drift, 3.0)), 3 * REAL**2)
    fading = scale(drift, optax.linear_schedule(1.0, 0.0, 4))
    for step, factor in enumerate([1.0, 0.75, 0.5, 0.25, 0.0, 0.0]):
        np.testing.assert_allclose(critic_loss(fading, step), factor * REAL**2)


def test_scale_and_every_reach_both_players_and_each_named_term():
    term = every(3, scale(add(adversarial=wasserstein, drift=drift), 2.0))
    np.testing.assert_array_equal(terms_of(term, "generator", of_logits(REAL, FAKE))["adversarial"], -6 * FAKE)
    np.testing.assert_array_equal(critic_loss(term)["drift"], 6 * REAL**2)
    np.testing.assert_array_equal(critic_loss(term, 1)["drift"], 0 * REAL)


@given(a=st.floats(-4, 4, width=32), b=st.floats(-4, 4, width=32))
def test_scales_multiply_and_distribute_over_add(a, b):
    np.testing.assert_allclose(critic_loss(scale(scale(drift, a), b)), critic_loss(scale(drift, a * b)), 1e-5)
    outside = critic_loss(scale(add(x=hinge, y=drift), a))
    inside = critic_loss(add(x=scale(hinge, a), y=scale(drift, a)))
    jax.tree.map(np.testing.assert_array_equal, outside, inside)


@pytest.mark.parametrize("interval", [1, 2, 5])
def test_every_is_the_interval_times_the_term_at_each_such_step_and_nothing_between(interval):
    lazy = jax.jit(lambda step: critic_loss(every(interval, drift), step))
    values = np.array([lazy(step) for step in range(3 * interval)])
    for step, value in enumerate(values):
        expected = np.zeros(3) if step % interval else interval * REAL**2
        np.testing.assert_array_equal(value, expected)
    np.testing.assert_allclose(values.mean(axis=0), REAL**2, rtol=1e-6)


def test_every_first_step_is_the_term_itself():
    assert every(1, drift) is drift


def test_every_does_not_evaluate_its_term_between():
    seen = []

    def note(game: Game):
        jax.debug.callback(lambda step: seen.append(int(step)), game.step)
        return game.logits.real

    term = every(3, penalties.critic_penalty(note))
    lazy = jax.jit(lambda step: critic_loss(term, step))
    for step in range(7):
        lazy(step)
    jax.effects_barrier()
    assert seen == [0, 3, 6]


def test_loss_is_the_adversarial_one_and_lambda_times_the_penalty():
    real, fake = np.random.default_rng(0).normal(size=(2, 4, 2)).astype(np.float32)
    objective = add(adversarial=wasserstein, gradient_penalty=scale(penalties.gradient_penalty(), 10.0))
    terms = terms_of(objective, "critic", make_game(linear([3.0, 4.0]), real, fake))
    total = sum(jnp.mean(term) for term in terms.values())
    # E[D(fake)] - E[D(real)] + 10 (5 - 1)²
    np.testing.assert_allclose(total, (fake.mean(0) - real.mean(0)) @ [3, 4] + 160, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: add(adversarial=losses.hinge), "adversarial is hinge, not an Objective: call it"),
        (lambda: scale(0.1, penalties.r1()), "the term is 0.1, not an Objective: give one, such as penalties.r1()"),
        (lambda: every(2, penalties.r1), "the term is r1, not an Objective: call it"),
        (lambda: every(0, penalties.r1()), "interval 0: it must be 1 or more"),
    ],
    ids=["add", "scale", "every", "interval"],
)
def test_a_term_that_is_none_is_refused_where_it_is_given(make, message):
    with pytest.raises(UserError) as error:
        make()
    assert str(error.value) == message
