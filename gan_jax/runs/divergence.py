"""A run has diverged once no game has only finite metrics and parameters."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.runs.games import split
from gan_jax.types import Array, TrainState


class Diverged(Exception):
    """A loss, a gradient or a parameter is not finite."""


def check_metrics(step: int, metrics: dict[str, np.ndarray]) -> None:
    """Raises Diverged unless the metrics [S] of one of the S games are all finite."""
    if np.isfinite(list(metrics.values())).all(0).any():
        return
    broken = [f"{name} is {value[0]}" for name, value in metrics.items() if not math.isfinite(value[0])]
    more = f", and {len(broken) - 1} more metrics" if broken[1:] else ""
    raise Diverged(f"step {step}: {broken[0]}{more}")


def check_state(step: int, state: TrainState, games: int) -> None:
    """Raises Diverged unless the state of one of the games is finite."""
    if not any(jax.device_get([all_finite(game) for game in split(state, games)])):
        raise Diverged(f"step {step}: a parameter is not finite")


@jax.jit
def all_finite(state: TrainState) -> Array:
    leaves = [
        jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(state) if jnp.issubdtype(leaf.dtype, jnp.floating)
    ]
    return jnp.all(jnp.stack(leaves))
