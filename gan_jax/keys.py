"""PRNG keys for many examples or steps at once."""

import jax
import numpy as np

from gan_jax.types import Array


def fold(keys: Array, number: int) -> Array:
    """Derives a new key from each key and one number.

    Args:
      keys: [B].
      number: The same for all keys.

    Returns:
      The new keys, [B].
    """
    return jax.vmap(lambda key: jax.random.fold_in(key, number))(keys)


def fold_each(key: Array, numbers: Array | np.ndarray) -> Array:
    """Derives a new key from one key and each number.

    Args:
      key: One key.
      numbers: [N].

    Returns:
      The new keys, [N].
    """
    return jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)
