"""After each rollback both players' steps are the rate times as long as before, whatever the optimiser."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gan_jax import losses, priors
from gan_jax.constraints import clip_weights
from gan_jax.data.packaged.points2d import gaussians8
from gan_jax.experiment import Experiment
from gan_jax.nets import mlp
from gan_jax.runs import rollback
from gan_jax.runs.folder import Run
from gan_jax.runs.games import keys_of
from gan_jax.runs.options import Options
from gan_jax.runs.rollback import slower
from gan_jax.types import Players

PARAMS = {"kernel": jnp.arange(1.0, 7.0).reshape(2, 3), "bias": jnp.ones(3)}
OPTIMIZERS = {
    "sgd": optax.sgd(0.1),
    "momentum": optax.sgd(0.1, momentum=0.9),
    "adam": optax.adam(0.1),
    "adam along a cosine": optax.adam(optax.cosine_decay_schedule(0.1, 10), b1=0.0),
    "adam with its own schedules": optax.inject_hyperparams(optax.adam)(
        optax.cosine_decay_schedule(0.1, 10), b1=0.0, b2=lambda step: 0.9 + step / 100
    ),
    "rmsprop": optax.rmsprop(0.1),
    "weight decay": optax.adamw(0.1),
}


def game(optimizer: optax.GradientTransformation) -> Experiment:
    """One whose generator has half the rate of its critic."""
    return Experiment(
        data=gaussians8(),
        nets=Players(mlp.critic(width=4), mlp.generator(width=4)),
        objective=losses.hinge(),
        optimizers=Players(optimizer, optax.chain(optimizer, optax.scale(0.5))),
        prior=priors.normal(2),
        steps=1,
        batch_size=8,
    )


def path(optimizer: optax.GradientTransformation, updates: int = 4) -> list:
    """The steps that it makes of the same gradients at the same parameters, one after the other, and its states."""
    state, steps = optimizer.init(PARAMS), []
    for number in range(updates):
        gradients = jax.tree.map(lambda leaf, number=number: jnp.cos(number + leaf), PARAMS)
        step, state = optimizer.update(gradients, state, PARAMS)
        steps.append((step, state))
    return steps


def assert_scaled(found: list, plain: list, factor: float) -> None:
    for (step, state), (whole, expected) in zip(found, plain, strict=True):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, factor * b, rtol=1e-5), step, whole)
        jax.tree.map(np.testing.assert_array_equal, state, expected)  # it sees whole gradients


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_steps_of_both_players_are_scaled_and_the_states_of_their_optimisers_stay(optimizer):
    plain = game(optimizer)
    for before, after in zip(plain.optimizers, slower(plain, 0.25).optimizers, strict=True):
        assert_scaled(path(after), path(before), 0.25)


def test_clipped_weights_go_a_part_of_the_way_to_where_the_whole_step_would_end():
    clipped = optax.chain(optax.sgd(1.0), clip_weights(0.5))
    ((step, _),) = path(slower(game(clipped), 0.25).optimizers.critic, updates=1)
    whole = jax.tree.map(lambda p: jnp.clip(p - jnp.cos(p), -0.5, 0.5), PARAMS)
    jax.tree.map(lambda s, p, end: np.testing.assert_allclose(p + s, p + (end - p) / 4, rtol=1e-5), step, PARAMS, whole)


@pytest.mark.parametrize("rollbacks", [0, 1, 2, 3])
@pytest.mark.parametrize("way", ["resumed", "gone back"])
def test_the_rate_is_applied_once_for_each_rollback(tmp_path, monkeypatch, rollbacks, way):
    """resumed: as `gan-jax resume` counts the rollbacks of a run; gone back: by the last of them itself."""
    plain = game(optax.adam(0.1))
    run = Run(tmp_path, "tiny", {}, Options(rollback_rate=0.5), "points")
    monkeypatch.setattr(rollback, "make_program", lambda experiment, *_: (None, experiment))
    monkeypatch.setattr(rollback, "restore", lambda *_: jnp.zeros(()))
    monkeypatch.setattr(rollback, "step_of", lambda _: 3)
    monkeypatch.setattr(rollback, "abstract_state", lambda *_: None)
    made = plain
    for number in range(1, rollbacks + 1):
        step, made, _ = rollback.go_back(run, plain, "a test", number)
        assert step == 3
    assert rollback.count(run) == rollbacks
    if way == "resumed":
        made = rollback.slowed(plain, run.options, rollback.count(run))
    for before, after in zip(plain.optimizers, made.optimizers, strict=True):
        assert_scaled(path(after), path(before), 0.5**rollbacks)


def test_each_rollback_is_noted_with_its_step_and_reason(tmp_path, monkeypatch):
    run = Run(tmp_path, "tiny", {}, Options(), "points")
    for name, result in {"make_program": (None, None), "restore": None, "abstract_state": None}.items():
        monkeypatch.setattr(rollback, name, lambda *_, result=result: result)
    for number, step in enumerate((5, 3), 1):
        monkeypatch.setattr(rollback, "step_of", lambda _, step=step: step)
        rollback.go_back(run, game(optax.sgd(0.1)), f"why {number}", number)
    noted = [json.loads(line) for line in Path(run.rollbacks).read_text().splitlines()]
    assert noted == [{"to": 5, "why": "why 1"}, {"to": 3, "why": "why 2"}]


def test_each_rollback_has_a_key_of_its_own():
    games = [jax.random.key_data(keys_of(3, rollbacks=number).game).tobytes() for number in range(4)]
    assert len(set(games)) == 4
