"""The Dirac-GAN: real data at 0, D(x) = ψx, a generator at θ. Mescheder 2018, section 2."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import in_turns, point, start, weights

from gan_jax import losses, penalties, priors
from gan_jax.objectives import add
from gan_jax.types import Array, Objective, Players, TrainState
from gan_jax.update import make_update

sgd = optax.sgd


def dirac(objective: Objective, start_at: tuple[float, float], updates: int = 1000) -> np.ndarray:
    """The path of (ψ, θ) under a rate of 0.1: [updates, 2]."""
    nets = Players(weights([start_at[0]]), point([start_at[1]]))
    optimizers = Players(sgd(0.1), sgd(0.1))
    prior, batches = priors.normal(1), in_turns(np.zeros((2, 1, 1)), 1)
    update = make_update(nets, objective, optimizers, prior)

    def step(state: TrainState, _: None) -> tuple[TrainState, Array]:
        state, _ = update(state, batches, jax.random.key(0))
        return state, jnp.concatenate(state.params)

    run = jax.jit(lambda state: jax.lax.scan(step, state, length=updates)[1])
    return np.asarray(run(start(nets, objective, optimizers, prior, batches)))


@pytest.mark.parametrize(
    ("loss", "start_at"),
    # the non-saturating loss shrinks the radius a little, to third order in it: not visible near 0
    [(losses.minimax(), (0.6, 0.8)), (losses.non_saturating(), (0.06, 0.08))],
    ids=["minimax", "non_saturating"],
)
def test_dirac_gan_circles_without_a_penalty(loss, start_at):
    path = dirac(loss, start_at)
    distance = np.linalg.norm(path, axis=1)
    revolution = 126  # rate · f'(0) = 0.05 radians an update
    assert distance[-revolution:].min() > 0.95 * distance[:revolution].min()
    assert distance[-revolution:].max() < 1.05 * distance[:revolution].max()
    assert (np.diff(np.sign(path[:, 1])) != 0).sum() in (14, 15, 16, 17)  # twice a revolution


@pytest.mark.parametrize("loss", [losses.minimax(), losses.non_saturating()], ids=["minimax", "non_saturating"])
def test_dirac_gan_converges_with_r1(loss):
    path = dirac(add(adversarial=loss, r1=penalties.r1()), (0.6, 0.8))
    assert np.linalg.norm(path[-1]) < 1e-6
