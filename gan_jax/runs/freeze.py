"""Layers that stay as they are while the rest is trained (FreezeD, Mo et al. 2020).

Layers are given by name: JAX sorts the keys of a tree, so the order in which layers were made is lost.
"""

import dataclasses
from collections.abc import Collection
from typing import Any

import jax
import jax.numpy as jnp
import optax

from gan_jax.errors import UserError
from gan_jax.experiment import Experiment
from gan_jax.trees import name_of
from gan_jax.types import Players


def frozen(experiment: Experiment, names: str | None) -> Experiment:
    """Keeps some parameters as they are; the optimisers' states keep their form.

    Args:
      experiment: The experiment.
      names: Names of a player's parameters, or of what they lie under, such as "critic/Conv_0,critic/Conv_1"; None
        freezes nothing.
    """
    if names is None:
        return experiment
    optimizers = (
        keeping(optimizer, player, listed(names)) for player, optimizer in experiment.optimizers._asdict().items()
    )
    return dataclasses.replace(experiment, optimizers=Players(*optimizers))


def listed(names: str) -> list[str]:
    """The names between the commas."""
    return [name.strip() for name in names.split(",")]


def keeping(
    optimizer: optax.GradientTransformation, player: str, names: Collection[str]
) -> optax.GradientTransformation:
    """The optimiser without steps of these parameters, whose gradients it sees as 0."""

    def still(tree: Any) -> Any:
        return jax.tree.map_with_path(
            lambda path, x: jnp.zeros_like(x) if is_under(f"{player}/{name_of(path)}", names) else x, tree
        )

    def update(grads: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        updates, state = optimizer.update(still(grads), state, params)
        return still(updates), state

    return optax.GradientTransformation(optimizer.init, update)


def is_under(name: str, names: Collection[str]) -> bool:
    """Whether one of the names is this one, or one that it lies under."""
    return any(name == one or name.startswith(f"{one}/") for one in names)


def check_frozen(names: str, params: Collection[str], copied: Collection[str]) -> None:
    """Raises UserError for a name without parameters, or one whose parameters aren't all another run's.

    Args:
      names: As for `frozen`.
      params: The names of both players' parameters, such as "critic/Conv_0/kernel".
      copied: Those that are another run's.
    """
    for one in listed(names):
        under = [name for name in params if is_under(name, [one])]
        if not under:
            layers = sorted({"/".join(name.split("/")[:2]) for name in params})
            raise UserError(f"freeze {one!r}: there is no such layer; there are {', '.join(layers)}")
        if own := [name for name in under if name not in copied]:
            raise UserError(f"freeze {one}: --init-from has nothing that fits {own[0]}, so it must be trained")
