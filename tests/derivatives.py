"""A network's outputs and derivatives of both orders by JAX, by PyTorch, and as PyTorch 2.13.0 gave them once.

Each is a list of the outputs, the gradients of the sum of their sines by x and by all parameters, and the gradients of
the first of these, squared and summed, by all parameters.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def by_jax(network: Callable[[Any, Any], Any], params: Any, x: Any) -> list[Any]:
    """Of (params, x) -> outputs."""

    def loss(params, x):
        y = network(params, x)
        return jnp.sum(jnp.sin(y)), y

    def slope(params):
        (first, by_x), y = jax.grad(loss, (0, 1), has_aux=True)(params, x)
        return jnp.sum(by_x**2), (y, by_x, first)

    second, others = jax.jit(jax.grad(slope, has_aux=True))(params)
    return jax.tree.leaves((*others, second))


def by_torch(network: Callable[[Any, Any], Any], params: Any, x: Any) -> list[np.ndarray]:
    """Of (params, x) -> outputs, all of them tensors of float64."""
    import torch

    def tensor(leaf: np.ndarray) -> torch.Tensor:
        return torch.tensor(leaf, dtype=torch.float64, requires_grad=True)

    leaves, tree = jax.tree.flatten(params)
    leaves, x = list(map(tensor, leaves)), tensor(x)
    y = network(jax.tree.unflatten(tree, leaves), x)
    by_x, *first = torch.autograd.grad(torch.sin(y).sum(), [x, *leaves], create_graph=True, materialize_grads=True)
    second = torch.autograd.grad((by_x**2).sum(), leaves, materialize_grads=True)
    return [array.detach().numpy().astype(np.float32) for array in (y, by_x, *first, *second)]


def save(file: Path, names: Iterable[str], of: Callable[[str], list[np.ndarray]]) -> None:
    """Writes the golden numbers of several networks."""
    np.savez_compressed(file, **{f"{name} {number}": array for name in names for number, array in enumerate(of(name))})


def golden(file: Path, name: str) -> list[np.ndarray]:
    """The golden numbers of one of them."""
    with np.load(file) as arrays:
        return [arrays[f"{name} {number}"] for number in range(sum(key.rsplit(" ", 1)[0] == name for key in arrays))]
