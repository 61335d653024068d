"""Several independent games in one run: each is what it is alone."""

import itertools

import jax
import numpy as np
import optax
import pytest
from rounding import ROUNDING

from gan_jax import losses, penalties, priors
from gan_jax.constraints import spectral_norm
from gan_jax.data.packaged.digits import digits
from gan_jax.data.packaged.points2d import gaussians8
from gan_jax.experiment import Experiment
from gan_jax.nets import dcgan, mlp
from gan_jax.objectives import add, scale
from gan_jax.runs.games import abstract_state, dealt, has_convolutions, has_wide_products, keys_of, make_program, split
from gan_jax.types import Players

SGD = Players(optax.sgd(1e-2), optax.sgd(1e-2))


def points(width: int = 8) -> Experiment:
    return Experiment(
        data=gaussians8(),
        nets=Players(spectral_norm(mlp.critic(width=width)), mlp.generator(width=width)),
        objective=add(adversarial=losses.wasserstein(), gp=scale(penalties.gradient_penalty(), 0.1)),
        optimizers=SGD,
        prior=priors.normal(2),
        steps=3,
        batch_size=8,
        critic_steps=2,
    )


def images() -> Experiment:
    return Experiment(
        data=digits(),
        nets=Players(dcgan.critic(width=2), dcgan.generator(width=2)),  # dropout and BatchNorm
        objective=losses.non_saturating(),
        optimizers=SGD,
        prior=priors.normal(4),
        steps=3,
        batch_size=8,
    )


def player(experiment: Experiment, games: int):
    """Returns seed -> state and metrics after three updates."""
    init, update = make_program(experiment, "jit", games)

    def play(seed: int):
        keys = keys_of(seed, games)
        state = init(keys.init)
        for batches in itertools.islice(dealt(experiment, keys, games, 0), 3):
            state, metrics = update(state, batches, keys.game)
        return jax.device_get((state, metrics))

    return play


@pytest.mark.exhaustive
@pytest.mark.parametrize("make", [points, images])
def test_each_game_of_several_is_what_it_is_alone(make):
    experiment, games = make(), 9  # of the 8 devices 3 take 3 each
    several, alone = split(player(experiment, games)(5), games), player(experiment, 1)
    for number in (0, games - 1):
        for a, b in zip(jax.tree.leaves(several[number]), jax.tree.leaves(alone(5 + number)), strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-4 * ROUNDING, atol=2e-5 * ROUNDING)


@pytest.mark.parametrize("make", [points, pytest.param(images, marks=pytest.mark.exhaustive)])
def test_games_share_nothing_across_devices(make):
    experiment = make()
    _, update = make_program(experiment, "jit", 8)
    keys = keys_of(0, 8)
    batches = next(dealt(experiment, keys, 8, 0))
    text = update.lower(abstract_state(experiment, 8), batches, keys.game).compile().as_text()
    assert len(abstract_state(experiment, 8).step.sharding.device_set) == 8
    for collective in ("all-reduce", "all-gather", "all-to-all", "collective-permute", "reduce-scatter"):
        assert collective not in text


def test_points_are_played_at_once_and_images_in_turn():
    assert not has_convolutions(points())
    assert has_convolutions(images())


def test_only_products_of_wide_matrices_call_for_other_kernels():
    assert [has_wide_products(points(width)) for width in (8, 511, 512)] == [False, False, True]
    assert not has_wide_products(images())


def test_games_have_their_own_start_and_data():
    experiment = points()
    keys = keys_of(0, 3)
    assert len({tuple(np.ravel(jax.random.key_data(key))) for use in keys for key in use}) == 12
    x = np.asarray(next(dealt(experiment, keys, 3, 0)).critic.x)
    assert not np.array_equal(x[0], x[1])


def test_pmap_of_several_games_is_refused():
    with pytest.raises(ValueError, match="leave --parallel pmap out"):
        make_program(points(), "pmap", 2)
