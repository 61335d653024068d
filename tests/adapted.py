"""A game of networks from another library: by jit over a mesh, by pmap and for many seeds, against one device."""

import functools
from typing import Any

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from rounding import ROUNDING
from toys import start

from gan_jax import losses, parallel, penalties, priors
from gan_jax.nets import from_linen
from gan_jax.objectives import add
from gan_jax.types import Batch, Network, Objective, Players, TrainState
from gan_jax.update import make_update

BATCH, SHAPE = 16, (4, 4, 1)
MINIMAX = losses.minimax()
PENALISED = add(adversarial=MINIMAX, gradient_penalty=penalties.gradient_penalty(), r1=penalties.r1())
PRIOR = priors.normal(3)
OPTIMIZERS = Players(optax.sgd(0.05), optax.sgd(0.05))


@functools.cache
def data() -> Players[Batch]:
    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, BATCH, *SHAPE)), jnp.float32)
    return Players(Batch(x), Batch(x))


def updated(update: Any, state: TrainState) -> TrainState:
    """The state after two updates, on the host."""
    for _ in range(2):
        state, metrics = jax.block_until_ready(update(state, data(), jax.random.key(7)))
    assert all(np.isfinite(value).all() for value in metrics.values())
    return jax.device_get(state)


def check_everywhere(nets: Players[Network], objective: Objective = PENALISED) -> None:
    """Asserts that every way of running an update gives one state, in which every parameter has moved."""
    before = jax.device_get(start(nets, objective, OPTIMIZERS, PRIOR, data()))

    def make(axis_name: str | None = None) -> Any:
        return make_update(nets, objective, OPTIMIZERS, PRIOR, axis_name=axis_name)

    def on_mesh() -> TrainState:
        return jax.device_put(before, parallel.everywhere(parallel.make_mesh()))

    alone = updated(jax.jit(make()), jax.device_put(before))
    close = functools.partial(chex.assert_trees_all_close, rtol=1e-5 * ROUNDING, atol=2e-6 * ROUNDING)
    close(updated(parallel.jit(make(), parallel.make_mesh()), on_mesh()), alone)
    close(updated(parallel.pmap(make(parallel.AXIS)), on_mesh()), alone)
    seeds = updated(
        jax.jit(jax.vmap(make(), in_axes=(0, None, None))), jax.tree.map(lambda x: jnp.stack([-x, x]), before)
    )
    close(jax.tree.map(lambda x: x[1], seeds), alone)
    still = jax.tree.map(np.array_equal, before.params, alone.params)
    assert not any(jax.tree.leaves(still)), still


def linens(body):
    """A Network of a Linen module whose call is a function (x, mode)."""

    class Module(nn.Module):
        @nn.compact
        def __call__(self, x, condition, mode):
            return body(x, mode)

    return from_linen(Module())
