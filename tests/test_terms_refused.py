"""Settings of terms, states and augmentations that are refused in one line where they are given."""

import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import GAME, HINGE, data, played

from gan_jax import augment, losses, penalties, regularizers
from gan_jax.errors import UserError
from gan_jax.objectives import add
from gan_jax.types import Objective, Players

SGD = Players(optax.sgd(0.01), optax.sgd(0.01))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: penalties.lecam(1.0), "decay 1.0: it must be 0 or more, and less than 1"),
        (lambda: regularizers.path_length(-0.5), "decay -0.5: it must be 0 or more, and less than 1"),
        (lambda: losses.began(0.0), "diversity 0.0 and rate 0.001: the first must be above 0, the second 0 or more"),
        (lambda: regularizers.orthogonal("foo"), "player 'foo': it must be critic or generator"),
        (lambda: penalties.consistency(augment.flip()), "consistency takes an augmentation, such as"),
        (lambda: augment.ada(color=-1.0), "color -1.0: it must be from 0 to 1"),
        (lambda: augment.ada(corrupt=float("nan")), "corrupt nan: it must be from 0 to 1"),
        (lambda: augment.sometimes(np.float32(2), augment.flip()), "probability 2.0 of flip: it must be from 0 to 1"),
        (lambda: add(**{"a/b": HINGE}), "a term is named 'a/b': the slash stands for a term within a term"),
    ],
)
def test_a_setting_out_of_range_is_refused(make, message):
    with pytest.raises(UserError) as error:
        make()
    assert str(error.value).startswith(message)


@pytest.mark.parametrize("schedule", [lambda step: 1.5, lambda step: -0.1 + 0 * step, lambda step: jnp.zeros(2)])
def test_a_decay_of_the_average_that_is_none_at_step_0_is_refused(schedule):
    with pytest.raises(UserError, match=r"ema_decay is .* at step 0: a schedule must give one number"):
        played(GAME, HINGE, SGD, data(2), ema_decay=schedule)


def test_a_loss_without_terms_is_refused():
    nothing = Objective(lambda game: ({}, game.state), HINGE.generator)
    with pytest.raises(UserError, match="a loss returns no terms"):
        played(GAME, nothing, SGD, data(2))
