"""Games that can't be played are refused, such as a gradient penalty for a critic that mixes examples."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import numpy as np
import optax
import pytest
from toys import GAME, HINGE, WITH_PENALTIES, Moving, centred, data, played, point

from gan_jax import penalties
from gan_jax.constraints import packed, spectral_norm
from gan_jax.nets import from_linen
from gan_jax.objectives import add
from gan_jax.types import Array, Mode, Network, Objective, Params, Players, TrainState

sgd = optax.sgd


def judging(logits: Callable[[Array], Any]) -> Players[Network]:
    """The game whose critic gives a function of its plain logits [B]."""
    plain = GAME.critic

    def apply(*given: Any) -> tuple[Any, Params]:
        y, stats = plain.apply(*given)
        return logits(y), stats

    return Players(plain._replace(apply=apply), GAME.generator)


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
            judging(lambda y: y[None]),
            HINGE,
            {},
            2,
            r"the critic gives logits \(1, 4\), one an example would be \(4,\)",
        ),
        (
            judging(lambda y: {"patches": y[:, None], "whole": {"image": y.mean()}}),
            HINGE,
            {},
            2,
            r"the critic gives logits \(\) under whole/image, one an example would be \(4,\)",
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
        played(nets, objective, Players(sgd(0.1), sgd(0.1)), data(turns), **options)


@pytest.mark.parametrize("name", ["gradient_penalty", "lipschitz_penalty", "dragan", "r1", "r2"])
def test_batch_norm_in_the_critic_is_refused_with_each_input_gradient_penalty(name):
    objective = add(adversarial=HINGE, penalty=getattr(penalties, name)())
    with pytest.raises(ValueError, match="batch statistics"):
        played(BATCH_NORM, objective, Players(sgd(0.1), sgd(0.1)), data(2))


class Own(nn.Module):
    """A critic with the user's own norm."""

    @nn.compact
    def __call__(self, x: Array, condition: Array | None, mode: Mode) -> Array:
        return nn.Dense(1)(nn.tanh(Moving()(nn.Dense(4)(x), condition, mode)))[:, 0]


@pytest.mark.parametrize(
    "wrap",
    [
        lambda critic: critic,
        pytest.param(spectral_norm, marks=pytest.mark.exhaustive),
        pytest.param(lambda critic: packed(critic, 1), marks=pytest.mark.exhaustive),
        lambda critic: spectral_norm(packed(critic, 1)),
    ],
)
def test_a_users_own_norm_is_refused_whatever_its_collection_unless_the_module_says_it_mixes_nothing(wrap):
    def play(critic: Network) -> TrainState:
        return played(Players(wrap(critic), GAME.generator), WITH_PENALTIES, Players(sgd(0.1), sgd(0.1)), data(2))[1]

    with pytest.raises(ValueError, match="batch statistics"):
        play(from_linen(Own()))
    with pytest.raises(ValueError, match="batch statistics"):
        play(from_linen(Own(), mixes_examples=True))
    assert play(from_linen(Own(), mixes_examples=False)).step == 1


def test_a_network_built_by_hand_is_refused_if_it_has_statistics_and_does_not_say_whose():
    critic = from_linen(Own())
    by_hand = Network(critic.init, critic.apply)
    with pytest.raises(ValueError, match="let its `mixes_examples` say so"):
        played(Players(by_hand, GAME.generator), WITH_PENALTIES, Players(sgd(0.1), sgd(0.1)), data(2))


def test_batch_norm_in_the_critic_works_with_a_penalty_of_logits_alone():
    objective = add(adversarial=HINGE, drift=penalties.drift())
    _, _, metrics = played(BATCH_NORM, objective, Players(sgd(0.1), sgd(0.1)), data(2))
    assert np.isfinite(metrics["critic/loss"])
