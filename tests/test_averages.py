"""Moving averages whose initial values have no weight, and the schedule of the generator's average."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import GAME, data, frozen, played

from gan_jax import averages, losses
from gan_jax.types import Players


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.99, 1 - 1e-7])
def test_an_average_is_the_weighted_mean_of_the_values_so_far_whatever_it_starts_from(decay):
    values = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    average = averages.start({"a": jnp.full(2, 7.0)})
    for n, value in enumerate(values, 1):
        average = averages.follow(average, {"a": jnp.asarray(value)}, decay)
        weights = float(decay) ** np.arange(n - 1, -1, -1)
        np.testing.assert_allclose(average.mean["a"], weights @ values[:n] / weights.sum(), rtol=2e-5, atol=1e-6)
    assert average.values == 6


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999, 1 - 1e-9])
def test_the_newest_value_has_all_the_weight_at_first_and_one_less_the_decay_in_the_end(decay):
    weight = jax.jit(lambda count: averages.newest(decay, count))
    assert weight(1) == pytest.approx(1.0, rel=1e-6)
    assert weight(4) == pytest.approx(1 / sum(decay**n for n in range(4)), rel=1e-5)
    assert weight(2**30) == pytest.approx(max(1 - decay, 2.0**-30), rel=0.6 if decay == 1 - 1e-9 else 1e-5)


def generators_average(ema_decay: object, *, updates: int, turns: int) -> np.ndarray:
    """The average of a generator that adds .1 w = (.3, .4) in each turn, from (.5, -.5)."""
    optimizers = Players(frozen(), optax.sgd(0.1))
    options = {"updates": updates, "generator_steps": turns, "ema_decay": ema_decay}
    return np.asarray(played(GAME, losses.wasserstein(), optimizers, data(1 + turns), **options)[1].ema.params)


def test_a_schedule_of_the_generators_average_is_taken_as_it_is_at_each_step():
    decays = np.array([0.0, 0.25, 0.5])  # of updates 0, 1 and 2
    found = generators_average(lambda step: 0.25 * step, updates=3, turns=2)
    mean = np.array([0.5, -0.5])
    for turn in range(1, 7):
        decay = decays[(turn - 1) // 2]
        mean = decay * mean + (1 - decay) * (np.array([0.5, -0.5]) + turn * np.array([0.3, 0.4]))
    np.testing.assert_allclose(found, mean, rtol=1e-5)


def test_a_constant_schedule_keeps_the_weight_of_the_initial_values_and_a_number_does_not():
    first, second = np.array([0.5, -0.5]), np.array([0.8, -0.1])
    constant = generators_average(optax.constant_schedule(0.75), updates=1, turns=1)
    np.testing.assert_allclose(constant, 0.75 * first + 0.25 * second, rtol=1e-5)
    np.testing.assert_allclose(generators_average(0.75, updates=1, turns=1), second, rtol=1e-5)
