"""Truncation of models with and without styles."""

import jax
import numpy as np
import pytest
from tiny_models import MODELS

from gan_jax.errors import UserError
from gan_jax.models.truncation import truncated


def test_no_entry_of_z_is_beyond_the_limit():
    keys = jax.random.split(jax.random.key(0), 50)
    z = jax.vmap(truncated(MODELS["points"](), 0.5).prior)(keys)
    assert 0.4 < np.abs(z).max() <= 0.5


def test_styles_at_a_truncation_of_0_are_the_mean_and_at_1_their_own():
    tiny = MODELS["images of styles"]()
    same, own = truncated(tiny, 0.0).sample(0, 4), truncated(tiny, 1.0).sample(0, 4)
    np.testing.assert_allclose(same, np.broadcast_to(same[:1], same.shape), atol=0.5)  # but for the noise
    np.testing.assert_allclose(own, tiny.sample(0, 4), atol=1e-5)
    assert np.std(same, 0).mean() < 0.5 * np.std(own, 0).mean()


@pytest.mark.parametrize(("name", "amount"), [("points", 0.0), ("points", -1.0), ("images of styles", 1.5)])
def test_a_truncation_out_of_range_is_refused(name, amount):
    with pytest.raises(UserError, match="it must be"):
        truncated(MODELS[name](), amount)
