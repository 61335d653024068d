"""The sides of stages that double: those of every family's generator."""

import pytest

from gan_jax.nets import biggan, r3gan, stylegan2
from gan_jax.nets.stages import base_of, sides_of


@pytest.mark.parametrize("generator", [biggan.generator, r3gan.generator, stylegan2.generator])
@pytest.mark.parametrize("shape", [(30, 32, 3), (32, 30, 3), (32, 32)])
def test_sides_that_the_stages_do_not_fit_are_refused(generator, shape):
    with pytest.raises(ValueError, match=r"want \(height, width, channels\), sides multiples of 8 for 4 stages"):
        generator(shape=shape)


def test_the_base_doubles_to_the_shape_and_each_side_is_twice_the_one_before():
    assert base_of((24, 40, 3), 4) == (3, 5)
    assert sides_of(96) == [3, 6, 12, 24, 48, 96]
    assert sides_of(80) == [5, 10, 20, 40, 80]
    assert sides_of(4) == [4]
