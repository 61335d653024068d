"""Runs whose players move at once: the same batches, programs and resumption as in runs that take turns."""

import itertools

import jax
import numpy as np
import optax
import pytest

from gan_jax import dynamics, losses, priors
from gan_jax.data.packaged.points2d import gaussians8
from gan_jax.errors import UserError
from gan_jax.experiment import Experiment
from gan_jax.nets import mlp
from gan_jax.runs.games import dealt, keys_of, make_program
from gan_jax.types import Players

METHOD = dynamics.chain(dynamics.gradient, dynamics.extragradient(0.1))


def points(**options) -> Experiment:
    return Experiment(
        data=gaussians8(),
        nets=Players(mlp.critic(width=8), mlp.generator(width=8)),
        objective=losses.non_saturating(),
        optimizers=Players(optax.adam(1e-2), dynamics.lookahead(optax.adam(1e-2), 2)),
        prior=priors.normal(2),
        steps=3,
        batch_size=8,
        dynamics=METHOD,
        **options,
    )


def played(form: str, games: int, pauses: tuple[int, ...] = (3,)):
    """The state and metrics after three updates; the data stream and the state begin again after each pause."""
    experiment = points()
    init, update = make_program(experiment, form, games)
    keys = keys_of(0, games)
    state, done = init(keys.init), 0
    for pause in pauses:
        for batches in itertools.islice(dealt(experiment, keys, games, done), pause):
            assert batches.critic.x.shape[-3:] == (1, 8, 2)
            assert batches.generator.x.shape[-3:] == (0, 8, 2)
            state, metrics = update(state, batches, keys.game)
        state, done = jax.tree.map(lambda x: jax.device_put(np.asarray(x), x.sharding), state), done + pause
    return jax.device_get((state, metrics))


@pytest.mark.exhaustive
def test_a_run_under_pmap_is_that_under_jit():
    ours, theirs = played("pmap", 1), played("jit", 1)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), ours, theirs)


@pytest.mark.exhaustive
def test_a_run_that_goes_on_is_the_run_in_one_to_the_last_bit():
    jax.tree.map(np.testing.assert_array_equal, played("jit", 1, (1, 2)), played("jit", 1))


@pytest.mark.exhaustive
def test_games_side_by_side_move_at_once():
    state, metrics = played("jit", 2)
    assert state.step.tolist() == [3, 3]
    assert np.isfinite(metrics["critic/loss"]).all()


def test_examples_of_an_update_are_one_batch():
    assert points().examples == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"critic_steps": 2}, "leave out critic_steps and generator_steps"),
        ({"generator_steps": 2}, "leave out critic_steps and generator_steps"),
        ({"generator_batch_size": 4}, "leave out generator_batch_size"),
    ],
)
def test_turns_and_batches_of_one_player_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        points(**options)
