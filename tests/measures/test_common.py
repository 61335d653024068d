"""Features are computed in one program, for batches of any size."""

import jax
import numpy as np

from gan_jax.measures import common


def test_examples_are_looked_at_in_one_program_whatever_the_batch():
    traced = []

    def look(x):
        traced.append(x.shape)
        return 2 * x

    each = common.batchwise(look)
    for size in (3, 128, 300):
        x = np.arange(size, dtype=np.float32)[:, None]
        np.testing.assert_array_equal(each(x), 2 * x)
    assert len(traced) == 1
    assert traced[0][0] % jax.device_count() == 0


def test_examples_are_looked_at_in_full_float32():
    programs = []

    def look(x):
        programs.append(str(jax.make_jaxpr(lambda x: x @ x.T)(x)))
        return x

    common.batchwise(look)(np.ones((2, 3), np.float32))
    assert "HIGHEST" in programs[0]
