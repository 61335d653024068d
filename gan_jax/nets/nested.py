"""The arrays of any tree as nested dicts of their names, as parameters and statistics are kept."""

from typing import Any

import jax
from flax.traverse_util import unflatten_dict

from gan_jax.trees import named
from gan_jax.types import Params


def as_dicts(*trees: Any) -> Params:
    """Nested dicts of the names of `trees.name_of`, such as {"layers": {"0": {"kernel": array}}}."""
    return unflatten_dict({name: leaf for tree in trees for name, leaf in named(tree).items()}, sep="/")


def filled(names: Any, dicts: Params) -> Any:
    """A tree with the arrays of nested dicts in place of its leaves.

    Args:
      names: The tree; its leaves may be shapes.
      dicts: Nested dicts as `as_dicts` makes them. Arrays of other names are left out.
    """
    arrays = named(dicts)
    return jax.tree.unflatten(jax.tree.structure(names), [arrays[name] for name in named(names)])
