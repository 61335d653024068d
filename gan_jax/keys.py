"""PRNG keys for many examples or steps at once."""

from typing import Any

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


def fold_leaves(keys: Array, tree: Any) -> Any:
    """Derives keys for each leaf of a tree. The only leaf gets the keys as they are.

    Args:
      keys: [B].
      tree: A tree of [B, ...].

    Returns:
      A tree like it, of keys [B].
    """
    count = len(jax.tree.leaves(tree))
    own = [keys] if count == 1 else [fold(keys, number) for number in range(count)]
    return jax.tree.unflatten(jax.tree.structure(tree), own)
