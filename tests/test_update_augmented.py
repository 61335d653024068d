"""Updates whose critic sees examples augmented."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import GAME, HINGE, data, frozen, played

from gan_jax import losses, penalties
from gan_jax.errors import UserError
from gan_jax.objectives import add
from gan_jax.types import Array, Augment, Network, Players

SGD = Players(optax.sgd(0.01), optax.sgd(0.01))
W, THETA = np.array([3.0, 4.0]), np.array([0.5, -0.5])


def shift(by: float) -> Augment:
    """Adds the state times a number, and counts the critic's turns in it."""
    return Augment(
        init=lambda: {"p": 1.0, "turns": jnp.int32(0)},
        apply=lambda state, keys, x, step: x + by * state["p"],
        advance=lambda state, game: {"p": 0.5 * state["p"], "turns": state["turns"] + 1},
    )


def test_an_augmentation_that_changes_nothing_plays_the_plain_game_to_the_last_bit():
    objective = add(adversarial=HINGE, gp=penalties.gradient_penalty())
    _, plain, metrics = played(GAME, objective, SGD, data(3), critic_steps=2)
    _, shifted, others = played(GAME, objective, SGD, data(3), critic_steps=2, augment=shift(0.0))
    jax.tree.map(np.testing.assert_array_equal, shifted._replace(augment=()), plain)
    jax.tree.map(np.testing.assert_array_equal, {name: others[name] for name in metrics}, metrics)


def test_the_critic_sees_real_and_fake_examples_augmented_and_the_generators_turns_leave_the_state_alone():
    x = data(4)
    options = {"critic_steps": 2, "generator_steps": 2, "augment": shift(1.0)}
    _, after, metrics = played(GAME, losses.wasserstein(), Players(frozen(), frozen()), x, **options)
    seen = np.mean([1.0, 0.5])  # the critic's first and second turn
    np.testing.assert_allclose(metrics["critic/logits_real"], ((x[:2] + seen) @ W).mean(), rtol=1e-4)
    np.testing.assert_allclose(metrics["critic/logits_fake"], (THETA + seen) @ W, rtol=1e-4)
    np.testing.assert_allclose(metrics["generator/loss"], -(THETA + 0.25) @ W, rtol=1e-4)
    assert after.augment == {"p": 0.25, "turns": 2}
    assert metrics["augment/p"] == 0.25
    assert "augment/turns" not in metrics


def test_a_penalty_sees_examples_augmented_too():
    cube = Network(
        init=lambda key, x, condition: (jnp.ones(()), {}),
        apply=lambda params, stats, x, condition, mode: (params * jnp.sum(x**2, axis=1) / 2, stats),
    )
    x = data(2)
    objective = add(adversarial=HINGE, r1=penalties.r1())
    still = Players(frozen(), frozen())
    _, _, metrics = played(Players(cube, GAME.generator), objective, still, x, augment=shift(3.0))
    np.testing.assert_allclose(metrics["critic/r1"], 0.5 * ((x[0] + 3) ** 2).sum(1).mean(), rtol=1e-5)


def test_each_pass_of_a_turn_is_augmented_with_keys_of_its_own():
    keys_of = []

    def apply(state: Any, keys: Array, x: Array, step: Array) -> Array:
        jax.debug.callback(lambda data: keys_of.append(np.asarray(data)), jax.random.key_data(keys))
        return x

    noting = Augment(tuple, apply, lambda state, game: state)
    played(GAME, add(adversarial=HINGE, r1=penalties.r1()), SGD, data(2), augment=noting)
    jax.effects_barrier()
    distinct = {tuple(key) for keys in keys_of for key in keys}
    assert len(distinct) == 4 * (3 + 2)  # real, fake and, in the critic's turn, elsewhere


def test_an_augmentation_whose_state_changes_its_type_is_refused_in_one_line():
    counting = shift(1.0)._replace(advance=lambda state, game: {**state, "turns": 0.5})
    with pytest.raises(UserError, match=r"the augmentation turns its state \{p: float32\[\], turns: int32\[\]\} into"):
        played(GAME, HINGE, SGD, data(2), augment=counting)


def test_no_augmentation_is_left_out_rather_than_none():
    with pytest.raises(UserError, match="augment None: give an Augment"):
        played(GAME, HINGE, SGD, data(2), augment=None)
