"""PRNG keys for many examples, or many steps, at once."""

import jax
import numpy as np

from gan_jax.types import Array


def fold(keys: Array, number: int) -> Array:
    """Derives new keys [B], each from its old one and the same number."""
    return jax.vmap(lambda key: jax.random.fold_in(key, number))(keys)


def fold_each(key: Array, numbers: Array | np.ndarray) -> Array:
    """Derives keys [N] from one key, one for each number [N]."""
    return jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)
