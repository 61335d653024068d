"""Terms with a state: how it moves, who shares it, what it must look like, and where it shows."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import GAME, HINGE, data, frozen, in_turns, played, start

from gan_jax import averages, parallel, penalties, priors
from gan_jax.objectives import add, every, scale
from gan_jax.types import Augment, Game, Objective, Players, State, Terms
from gan_jax.update import make_update

STILL = Players(frozen(), frozen())
W = np.array([3.0, 4.0])


def nothing(game: Game) -> Terms:
    return jnp.zeros_like(game.logits.real)


def counter() -> Objective:
    """Counts the turns of both players."""

    def loss(game: Game) -> tuple[Terms, State]:
        return nothing(game), game.state + 1

    return Objective(loss, loss, init=lambda: jnp.int32(0))


def follower(decay: float) -> Objective:
    """The moving average of the critic's real logits, which is also its value."""

    def critic(game: Game) -> tuple[Terms, State]:
        state = averages.follow(game.state, game.mean(game.logits.real), decay)
        return nothing(game) + state.mean, state

    return Objective(critic, None, init=lambda: averages.start(jnp.zeros(())))


def with_state(init: Any, move: Any) -> Objective:
    """The hinge loss, whose critic moves a state."""
    return Objective(lambda game: (nothing(game), move(game.state)), HINGE.generator, init=lambda: init)


def after(objective: Objective, **options: Any) -> State:
    turns = options.get("critic_steps", 1) + options.get("generator_steps", 1)
    return played(GAME, objective, STILL, data(turns), **options)[1].objective


def test_each_term_keeps_its_own_state_and_every_leaves_it_alone_between_its_steps():
    objective = add(a=counter(), b=add(c=scale(counter(), 3.0), d=every(2, counter())), loss_of_both=HINGE)
    state = after(objective, updates=3, critic_steps=2)
    assert state == {"a": 9, "b": {"c": 9, "d": 6}}  # three turns an update; d in updates 0 and 2


def test_the_value_of_every_is_scaled_and_its_state_is_not():
    x = data(2)
    _, state, metrics = played(GAME, add(loss_of_both=HINGE, f=every(3, follower(0.5))), STILL, x)
    mean = (x[0] @ W).mean()
    np.testing.assert_allclose(state.objective["f"].mean, mean, rtol=1e-5)
    np.testing.assert_allclose(metrics["critic/f"], 3 * mean, rtol=1e-5)


def test_a_moving_average_follows_the_critics_turns_in_order():
    x, decay = data(4), 0.75
    _, state, metrics = played(GAME, add(loss_of_both=HINGE, f=follower(decay)), STILL, x, critic_steps=3)
    means = (x[:3] @ W).mean(axis=1)
    so_far = [np.average(means[: n + 1], weights=decay ** np.arange(n, -1, -1)) for n in range(3)]
    np.testing.assert_allclose(state.objective["f"].mean, so_far[-1], rtol=1e-5)
    assert state.objective["f"].values == 3
    np.testing.assert_allclose(metrics["critic/f"], np.mean(so_far), rtol=1e-5)


def test_the_critics_turns_move_the_state_and_then_the_generators():
    objective = Objective(
        critic=lambda game: (nothing(game), 2 * game.state + 1),
        generator=lambda game: (nothing(game), 3 * game.state),
        init=lambda: jnp.int32(1),
    )
    assert after(objective, critic_steps=2) == 21  # 1, 3, 7, then 21
    assert after(objective, critic_steps=2, updates=2) == 3 * (2 * (2 * 21 + 1) + 1)


def test_a_composite_without_a_state_has_none():
    composite = add(a=HINGE, b=every(2, scale(add(c=penalties.r1()), 2.0)))
    assert composite.init() == ()
    assert after(composite) == ()
    assert add(a=HINGE, b=counter()).init() == {"b": 0}


def test_a_state_of_python_numbers_is_compiled_once():
    objective = with_state({"k": 0.5, "n": 0}, lambda s: {"k": 0.5 * s["k"], "n": s["n"] + 1})
    batches, prior = in_turns(data(2), 1), priors.normal(2)
    state = start(GAME, objective, STILL, prior, batches)
    update = jax.jit(make_update(GAME, objective, STILL, prior))
    for _ in range(3):
        state, metrics = update(state, batches, jax.random.key(0))
    assert update._cache_size() == 1
    assert state.objective == {"k": 0.0625, "n": 3}
    assert metrics["objective/k"] == 0.0625


def test_scalars_of_states_are_metrics():
    objective = add(
        a=with_state({"k": jnp.float32(2.0), "seen": jnp.int32(0), "many": jnp.zeros(2)}, lambda state: state),
        f=follower(0.5),
    )
    x = data(2)
    _, _, metrics = played(GAME, objective, STILL, x)
    found = {name: float(value) for name, value in metrics.items() if name.startswith("objective/")}
    assert found == pytest.approx({"objective/a/k": 2.0, "objective/f/mean": (x[0] @ W).mean()}, rel=1e-5)


# ---- Bad use

WRAPS = {
    "alone": lambda term: term,
    "add": lambda term: add(own=term),
    "scale": lambda term: scale(term, 2.0),
    "every": lambda term: every(2, term),
}
each_wrap = pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)


@each_wrap
def test_a_loss_that_returns_terms_alone_is_refused(wrap):
    forgetful = Objective(lambda game: game.logits.real, HINGE.generator)
    with pytest.raises(ValueError, match=r"must return \(terms, state\), as in `return terms, game.state`"):
        after(wrap(forgetful))


@each_wrap
@pytest.mark.parametrize(
    ("init", "move", "message"),
    [
        (jnp.zeros(2), lambda s: jnp.zeros(3), r"its state float32\[2\] into float32\[3\]"),
        (jnp.zeros(2), lambda s: {"a": s}, r"its state float32\[2\] into {a: float32\[2\]}"),
        (jnp.int32(0), lambda s: s + 0.5, r"its state int32\[\] into float32\[\]"),
        ({"a": jnp.zeros(())}, lambda s: (), r"its state {a: float32\[\]} into \(\)"),
        ((), lambda s: jnp.zeros(()), r"its state \(\) into float32\[\]"),
    ],
)
def test_a_state_unlike_the_first_is_refused(wrap, init, move, message):
    with pytest.raises(ValueError, match=message + ": return a state like that of its `init`"):
        after(wrap(with_state(init, move)))


# ---- On several devices

DEVICES = 4


def states_of_devices(objective: Objective) -> np.ndarray:
    """The state that each of four devices has after an update, from its own part of the batch."""
    batches, prior = in_turns(data(2, batch=8), 1), priors.normal(2)
    state = start(GAME, objective, STILL, prior, batches)
    update = make_update(GAME, objective, STILL, prior, axis_name="shards")
    each = jax.vmap(lambda *given: update(*given)[0].objective, (None, 1, None), axis_name="shards")
    return np.asarray(each(state, jax.tree.map(lambda x: parallel.spread(x, DEVICES), batches), jax.random.key(0)))


def mean_logit(mean: Any) -> Objective:
    return Objective(lambda game: (nothing(game), mean(game)(game.logits.real)), HINGE.generator, lambda: jnp.zeros(()))


def test_a_state_of_the_games_mean_is_the_same_on_every_device_and_one_of_the_devices_own_examples_is_not():
    whole = (data(2, batch=8)[0] @ W).mean()
    np.testing.assert_allclose(states_of_devices(mean_logit(lambda game: game.mean)), [whole] * DEVICES, rtol=1e-5)
    own = states_of_devices(mean_logit(lambda game: jnp.mean))
    assert len(np.unique(own)) == DEVICES
    np.testing.assert_allclose(own.mean(), whole, rtol=1e-5)


def test_vmap_refuses_a_state_that_differs_between_devices():
    objective = mean_logit(lambda game: jnp.mean)
    batches, prior = in_turns(data(2, batch=8), 1), priors.normal(2)
    update = make_update(GAME, objective, STILL, prior, axis_name="shards")
    spread = jax.tree.map(lambda x: parallel.spread(x, DEVICES), batches)
    state = start(GAME, objective, STILL, prior, batches)
    with pytest.raises(ValueError, match="out_axes"):
        jax.vmap(update, (None, 1, None), (None, None), axis_name="shards")(state, spread, jax.random.key(0))


def test_a_gradient_does_not_pass_through_the_state_to_the_next_turn():
    """The value is the state that the turn before left, so the critic has no gradient."""
    objective = Objective(
        critic=lambda game: (nothing(game) + game.state, game.mean(game.logits.real)),
        generator=HINGE.generator,
        init=lambda: jnp.zeros(()),
    )
    before, end, _ = played(GAME, objective, Players(optax.sgd(0.1), frozen()), data(4), critic_steps=3)
    np.testing.assert_array_equal(end.params.critic, before.params.critic)
    assert end.objective != 0


def test_an_update_with_states_of_pythons_numbers_is_compiled_only_once():
    weak = with_state({"k": 0.5}, lambda state: {"k": 0.25})
    augment = Augment(lambda: {"p": 0.5}, lambda state, keys, x, step: x, lambda state, game: {"p": 0.25})
    batches, optimizers, prior = in_turns(data(2), 1), Players(optax.sgd(0.1), optax.sgd(0.1)), priors.normal(2)
    state = start(GAME, weak, optimizers, prior, batches, augment=augment)
    traced = []

    @jax.jit
    def update(state: Any, batches: Any, key: Any) -> Any:
        traced.append(key)
        return make_update(GAME, weak, optimizers, prior, augment=augment)(state, batches, key)

    for _ in range(3):
        state, _ = update(state, batches, jax.random.key(0))
    assert len(traced) == 1
    assert state.objective == {"k": 0.25}
    assert state.augment == {"p": 0.25}
