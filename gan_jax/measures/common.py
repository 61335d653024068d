"""What measures share."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jax.tree_util import Partial
from numpy.typing import NDArray

from gan_jax import parallel
from gan_jax.errors import UserError
from gan_jax.metrics.manifold import Manifold
from gan_jax.types import Array

BATCH = 128
NEIGHBOURS = 5  # of precision, recall, density and coverage; Naeem et al. 2020
MANIFOLD: dict[str, Literal["higher", "lower"]] = dict.fromkeys(Manifold._fields, "higher")


def all_of(batches: Iterable[np.ndarray]) -> NDArray:
    """Concatenates batches."""
    return np.concatenate(list(batches))


def batchwise(look: Callable[[Array], Any]) -> Callable[[np.ndarray], Any]:
    """Makes `look` take batches [B, ...] of any size, compiled once for padded parts that are split over all devices.

    It computes in full float32, so that figures are the same on a GPU, which by default rounds the factors of products
    to 10 bits.
    """
    mesh = parallel.make_mesh()
    size = -(-BATCH // mesh.size) * mesh.size
    split = NamedSharding(mesh, PartitionSpec(parallel.AXIS))
    seen = look if isinstance(look, Partial) else Partial(look)  # large weights are arguments, not constants

    def exactly(look: Callable[[Array], Any], x: Array) -> Any:
        with jax.default_matmul_precision("highest"):
            return look(x)

    compiled = jax.jit(
        exactly,
        in_shardings=(parallel.everywhere(mesh), split),
        compiler_options=parallel.compiler_options(),
    )

    def part(x: np.ndarray) -> Any:
        padded = np.concatenate([x, np.zeros((size - len(x), *x.shape[1:]), x.dtype)])

        def cut(leaf: Array) -> NDArray:
            if leaf.shape[:1] != (size,):
                raise UserError(f"features of shape {list(leaf.shape)} for {size} examples: give each example a row")
            return np.asarray(leaf)[: len(x)]

        return jax.tree.map(cut, compiled(seen, padded))

    def of(x: np.ndarray) -> Any:
        parts = [part(x[first : first + size]) for first in range(0, len(x), size)]
        return jax.tree.map(lambda *leaves: np.concatenate(leaves), *parts)

    return of
