"""From a Linen module to a Network: the one place that knows of Flax's collections."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.types import Array, Mode, Network, Params


def from_linen(module: nn.Module) -> Network:
    """The module as two pure functions; it is called `module(x, label, mode)`.

    stats: every collection other than params, {} if there is none. They change when `mode.train` is set.

    `mode.keys[0]` is given as Linen's 'dropout' key, so nn.Dropout works too. Its mask is drawn for the batch
    as a whole, so it depends on how the batch is split over devices; that of `layers.Dropout` doesn't.

    In `mode.dtype` its parameters and x are cast as it is called, so a module whose layers name no dtype computes in
    that; statistics stay as they are.
    """

    def init(key: Array, x: Array, label: Array | None) -> tuple[Params, Params]:
        variables = dict(module.init(key, x, label, Mode()))
        return variables.pop("params", {}), variables

    def apply(params: Params, stats: Params, x: Array, label: Array | None, mode: Mode) -> tuple[Array, Params]:
        variables = {"params": cast(params, mode.dtype), **stats}
        rngs = None if mode.keys is None else {"dropout": mode.keys[0]}
        mutable = list(stats) if mode.train and stats else False
        out: Any = module.apply(variables, cast(x, mode.dtype), label, mode, rngs=rngs, mutable=mutable)
        y, stats = out if mutable else (out, stats)
        return cast(y, mode.dtype and x.dtype), stats

    return Network(init, apply)


def cast(tree: Any, dtype: Any) -> Any:
    """Its floating-point arrays in another type; None: as they are."""
    if dtype is None:
        return tree
    return jax.tree.map(lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, tree)
