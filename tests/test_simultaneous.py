"""Simultaneous play: what one update does, with everything that an update carries."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from terms import LOSSES
from toys import GAME, HINGE, centred, conditional_perceptron, data, point, start, weights

from gan_jax import dynamics, priors
from gan_jax.constraints import spectral_norm
from gan_jax.errors import UserError
from gan_jax.play import Metrics
from gan_jax.simultaneous import make_losses, make_simultaneous_update
from gan_jax.types import Augment, Batch, Game, Network, Objective, Players, State, Terms, TrainState
from gan_jax.update import deal, make_update

B, RATE = 4, 0.25
PRIOR = priors.normal(2)
SGD = Players(optax.sgd(RATE), optax.sgd(RATE))


def dealt(x: Any, condition: Any = None) -> Players[Batch]:
    return deal(Players((1, len(x)), (0, len(x))), Batch(jnp.asarray(x, jnp.float32), condition))


def played(
    nets: Players[Network], objective: Objective, x: Any, *, updates: int = 1, condition: Any = None, **options: Any
) -> tuple[list[TrainState], Metrics]:
    """The first state and that after each update on the same data, and the last metrics."""
    batches = dealt(x, condition)
    augmented = {"augment": options["augment"]} if "augment" in options else {}
    states = [start(nets, objective, SGD, PRIOR, batches, **augmented)]
    update = jax.jit(make_simultaneous_update(nets, objective, SGD, PRIOR, **options))
    for _ in range(updates):
        state, metrics = update(states[-1], batches, jax.random.key(1))
        states.append(state)
    return states, metrics


def test_a_step_of_gradient_is_simultaneous_gradient_descent_exactly():
    x = np.arange(8.0).reshape(B, 2)
    (before, after), metrics = played(GAME, LOSSES["wasserstein"], x)
    w, theta = before.params
    np.testing.assert_array_equal(after.params.critic, w + RATE * (x.mean(0) - theta))
    np.testing.assert_array_equal(after.params.generator, theta + RATE * w)  # against the critic before its step
    assert metrics["critic/gradient_norm"] == pytest.approx(np.linalg.norm(x.mean(0) - theta))
    assert metrics["generator/gradient_norm"] == pytest.approx(np.linalg.norm(w))


@pytest.mark.parametrize(
    ("method", "factor"),
    [
        (dynamics.gradient, lambda z: 1 - z),
        (dynamics.chain(dynamics.gradient, dynamics.extragradient(RATE)), lambda z: 1 - z + z**2),
        (dynamics.chain(dynamics.gradient, dynamics.consensus(0.5)), lambda z: 1 - z - 0.5 * RATE),
    ],
    ids=["gradient", "extragradient", "consensus"],
)
def test_the_linear_dirac_gan_turns_and_shrinks_by_the_methods_polynomial(method, factor):
    states, _ = played(
        Players(weights([0.6]), point([0.8])), LOSSES["wasserstein"], np.zeros((1, 1)), updates=5, method=method
    )
    path = [complex(state.params.critic[0], state.params.generator[0]) for state in states]
    np.testing.assert_allclose(path[1:], path[0] * factor(-1j * RATE) ** np.arange(1, 6), rtol=1e-5)


def test_metrics_have_the_names_of_alternating_play_and_are_those_before_the_step():
    x = data(1)[0]
    (before, _), metrics = played(GAME, HINGE, x, method=dynamics.chain(dynamics.gradient, dynamics.heun(0.1)))
    turns = Players(*2 * [Batch(jnp.asarray(x)[None])])
    _, alternating = jax.jit(make_update(GAME, HINGE, SGD, PRIOR))(before, turns, jax.random.key(1))
    assert metrics.keys() == alternating.keys()
    for name in ("loss", "logits_real", "logits_fake", "accuracy_real", "accuracy_fake"):
        assert metrics[f"critic/{name}"] == pytest.approx(alternating[f"critic/{name}"])


def test_losses_at_a_state_are_those_that_the_update_plays():
    nets = Players(conditional_perceptron(), conditional_perceptron((2,), noise=0.5))
    condition, x = jnp.arange(B) % 3, data(1)[0]
    states, metrics = played(nets, HINGE, x, updates=2, condition=condition)
    _, state, after = states
    batch, key = Batch(jnp.asarray(x), condition), jax.random.key(1)
    losses = make_losses(nets, HINGE, PRIOR)(state, batch, key)
    np.testing.assert_allclose(losses(state.params), [metrics["critic/loss"], metrics["generator/loss"]], rtol=1e-5)
    step = jax.tree.map(lambda p, v: p - RATE * v, state.params, dynamics.gradient(losses)(state.params))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), after.params, step)


def counted(name: str, of: Any) -> Any:
    """A loss that counts in the state, and looks at real examples and at logits."""

    def loss(game: Game) -> tuple[Terms, State]:
        return getattr(game.logits, name), of(game.state)

    return loss


def test_states_of_terms_pass_through_the_critics_loss_and_then_the_generators_once_an_update():
    objective = Objective(
        counted("fake", lambda state: state + 1), counted("real", lambda state: 2 * state), lambda: jnp.zeros(())
    )
    states, _ = played(
        GAME, objective, data(1)[0], updates=2, method=dynamics.chain(dynamics.gradient, dynamics.runge_kutta(0.1))
    )
    assert [float(state.objective) for state in states] == [0.0, 2.0, 6.0]


def test_the_augmentation_is_seen_by_both_players_and_advances_once_an_update():
    shift = Augment(
        init=lambda: jnp.zeros(()),
        apply=lambda state, keys, x, step: 3 * x,
        advance=lambda state, game: state + game.mean(game.real) + 1,
    )
    x = np.arange(8.0).reshape(B, 2)
    (before, after, last), metrics = played(GAME, LOSSES["wasserstein"], x, updates=2, augment=shift)
    w, theta = before.params
    np.testing.assert_allclose(after.params.critic, w + RATE * 3 * (x.mean(0) - theta), rtol=1e-6)
    np.testing.assert_allclose(after.params.generator, theta + RATE * 3 * w, rtol=1e-6)
    assert [float(after.augment), float(last.augment)] == [4.5, 9.0] == [4.5, float(metrics["augment"])]


def test_singular_vectors_of_both_players_advance_once_before_the_step():
    nets = Players(spectral_norm(conditional_perceptron()), spectral_norm(conditional_perceptron((2,))))
    (before, after), _ = played(
        nets,
        HINGE,
        data(1)[0],
        condition=jnp.arange(B) % 3,
        method=dynamics.chain(dynamics.gradient, dynamics.extragradient(0.1)),
    )
    for net, params, stats, found in zip(nets, before.params, before.stats, after.stats):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), found, net.advance(params, stats))


def test_batch_statistics_are_those_before_the_step_of_both_players():
    nets = Players(centred(conditional_perceptron()), centred(conditional_perceptron((2,))))
    x, condition = data(1)[0], jnp.arange(B) % 3
    (before, _), _ = played(nets, HINGE, x, condition=condition)
    (_, plain), _ = played(nets, HINGE, x, condition=condition)
    (_, moved), _ = played(
        nets, HINGE, x, condition=condition, method=dynamics.chain(dynamics.gradient, dynamics.runge_kutta(0.5))
    )
    for player in Players._fields:
        stats = [getattr(state.stats, player)["batch_stats"] for state in (before, plain, moved)]
        np.testing.assert_allclose(stats[1], stats[2], rtol=1e-5)
        assert not np.array_equal(stats[0], stats[1])


def test_the_generators_moving_average_takes_in_each_update_and_has_no_initial_value():
    decay = 0.9
    states, _ = played(GAME, LOSSES["wasserstein"], data(1)[0], updates=3, ema_decay=decay)
    thetas = np.stack([state.params.generator for state in states[1:]])
    parts = decay ** np.arange(3)[::-1]
    np.testing.assert_allclose(states[-1].ema.params, parts @ thetas / parts.sum(), rtol=1e-5)


def test_noise_is_fresh_in_each_update():
    nets = Players(GAME.critic, conditional_perceptron((2,), noise=1.0))
    x, condition = data(1)[0], jnp.arange(B) % 3
    batches = dealt(x, condition)
    state = start(nets, HINGE, SGD, PRIOR, batches)
    update = jax.jit(make_simultaneous_update(nets, HINGE, SGD, PRIOR))
    found = [
        float(update(state._replace(step=jnp.int32(n)), batches, jax.random.key(0))[1]["critic/loss"]) for n in range(3)
    ]
    assert len(set(found)) == 3


def test_batches_for_other_turns_are_refused():
    batches = Players(*2 * [Batch(jnp.asarray(data(1)))])
    update = make_simultaneous_update(GAME, HINGE, SGD, PRIOR)
    with pytest.raises(UserError, match=r"the generator takes 0 turns, its batches are for 1 \(axis 0\)"):
        jax.eval_shape(update, start(GAME, HINGE, SGD, PRIOR, batches), batches, jax.random.key(0))


def test_an_objective_without_a_loss_for_both_players_is_refused():
    with pytest.raises(UserError, match="the objective leaves the generator no loss"):
        make_simultaneous_update(GAME, HINGE._replace(generator=None), SGD, PRIOR)
    with pytest.raises(UserError, match="the objective leaves the critic no loss"):
        make_losses(GAME, HINGE._replace(critic=None), PRIOR)


@pytest.mark.parametrize(
    "method",
    [
        dynamics.heun(0.1),
        dynamics.consensus(0.1),
        dynamics.symplectic(),
        dynamics.chain(dynamics.gradient, dynamics.heun),
        dynamics.chain(dynamics.heun(0.1), dynamics.gradient),
    ],
    ids=["no gradient", "no gradient: consensus", "no gradient: symplectic", "not called", "the wrong order"],
)
def test_a_method_that_makes_no_field_is_refused_in_one_line(method):
    nets, sgd, prior = Players(weights([1.0, 2.0]), point([0.5, 0.5])), optax.sgd(0.1), priors.normal(2)
    batches = Players(Batch(jnp.ones((1, 4, 2))), Batch(jnp.ones((0, 4, 2))))
    state = start(nets, HINGE, Players(sgd, sgd), prior, batches)
    update = make_simultaneous_update(nets, HINGE, Players(sgd, sgd), prior, method=method)
    with pytest.raises(UserError, match="isn't the value of a field: a method maps losses to a field"):
        update(state, batches, jax.random.key(0))
