"""Schedules: their ends, their directions, and half-lives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import schedules


@pytest.mark.parametrize(("start", "end"), [(2.0, 0.5), (0.9, 0.99), (0.0, 0.55), (0.3, 0.3)])
def test_a_cosine_goes_from_its_start_through_the_middle_to_its_end_and_stays(start, end):
    schedule = jax.jit(schedules.cosine(start, end, 100))
    found = [schedule(jnp.int32(step)) for step in (0, 50, 100, 1000)]
    np.testing.assert_allclose(found, [start, (start + end) / 2, end, end], rtol=1e-6, atol=1e-7)
    quarter = end + (start - end) * (1 + np.cos(np.pi / 4)) / 2
    assert schedule(jnp.int32(25)) == pytest.approx(quarter, rel=1e-6)


def test_a_cosine_of_no_steps_begins_at_its_start():
    assert schedules.cosine(2.0, 1.0, 0)(jnp.int32(0)) == 2
    assert schedules.cosine(2.0, 1.0, 0)(jnp.int32(1)) == 1


@pytest.mark.parametrize("updates", [1, 10, 0.5])
def test_after_its_half_life_a_value_counts_half(updates):
    decay = schedules.half_life(updates)(jnp.int32(3))
    assert decay**updates == pytest.approx(0.5, rel=1e-5)


def test_a_half_life_may_grow_from_0_where_only_the_newest_counts():
    decay = schedules.half_life(schedules.cosine(0.0, 10.0, 100))
    assert decay(jnp.int32(0)) == 0
    assert decay(jnp.int32(100)) == pytest.approx(0.5**0.1)
    with pytest.raises(ValueError, match="half-life of -1 updates"):
        schedules.half_life(-1)
