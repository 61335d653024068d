"""Trees of arrays [B, ...]: the names of their leaves, outlines, sizes, rows, sums and norms."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp

from gan_jax.errors import UserError
from gan_jax.types import Array, Output, State


def name_of(path: Any) -> str:
    """The path of a leaf as a name, such as "Dense_0/kernel"; "" where the leaf is the whole tree."""
    return jax.tree_util.keystr(path, simple=True, separator="/")


def named(tree: Any) -> dict[str, Array]:
    """The leaves of a tree by their names."""
    return {name_of(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def outline(tree: Any) -> str:
    """The structure of a tree and the shapes and types of its leaves, for messages."""

    def of(leaf: Any) -> str:
        return f"{jnp.result_type(leaf)}{list(jnp.shape(leaf))}"

    return str(jax.tree.map(of, tree)).replace("'", "")


def check_alike(before: State, after: State, who: str) -> None:
    """Raises UserError if a state's structure, shapes or types have changed."""
    if outline(after) != outline(before):
        raise UserError(
            f"{who} turns its state {outline(before)} into {outline(after)}: return a state like that of its `init`"
        )


def strong(tree: Any) -> Any:
    """Makes Python's numbers and weakly typed arrays strongly typed, so that programs are compiled only once."""
    return jax.tree.map(lambda x: jnp.array(x, jnp.result_type(x)), tree)


def size_of(tree: Any) -> int:
    """The number of examples in a tree of [B, ...]."""
    return jax.tree.leaves(tree)[0].shape[0]


def rows(tree: Any, numbers: Any) -> Any:
    """The examples of these numbers [N], counted around the end, of a tree of [M, ...]; None of None."""
    return jax.tree.map(lambda leaf: leaf[numbers % len(leaf)], tree)


def as_output(y: Any) -> Output:
    """A network's result as an `Output`.

    Raises:
      ValueError: It is a plain tuple, which could be either.
    """
    if type(y) is tuple:
        raise UserError(
            "a network returns a tuple: return Output(y, extra), or a dict or list where the critic has several logits "
            "or the generator makes several arrays"
        )
    return y if isinstance(y, Output) else Output(y)


def sum_of(parts: Iterable[Array]) -> Array:
    """The sum of arrays of one shape, one or more."""
    return functools.reduce(jnp.add, parts)


def mean_of(tree: Any, mean: Callable[[Array], Array] = jnp.mean) -> Array:
    """The mean over the leaves of each leaf's mean."""
    means = [mean(leaf) for leaf in jax.tree.leaves(tree)]
    return sum_of(means) / len(means)


def squared_norms(tree: Any) -> Array:
    """The squared Euclidean norm of each example, [B], in float32 or better."""

    def square(leaf: Array) -> Array:
        leaf = leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32))
        return jnp.sum(leaf**2, axis=range(1, leaf.ndim))

    return sum_of(map(square, jax.tree.leaves(tree)))


def root(squared: Array) -> Array:
    """The square root, exact, with derivative 0 instead of NaN where it is 0."""
    positive = squared > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squared, 1.0)), 0.0)
