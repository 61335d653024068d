"""From a Linen module to a Network: the one place that knows of Flax's collections."""

from typing import Any

import flax.linen as nn

from gan_jax.types import Array, Mode, Network, Params


def linen(module: nn.Module) -> Network:
    """The module as two pure functions; it is called `module(x, label, mode)`.

    stats: every collection other than params, {} if there is none. They change when `mode.train` is set.

    `mode.keys[0]` is given as Linen's 'dropout' key, so nn.Dropout works too. Its mask is drawn for the batch
    as a whole, so it depends on how the batch is split over devices; that of `layers.Dropout` doesn't.
    """

    def init(key: Array, x: Array, label: Array | None) -> tuple[Params, Params]:
        variables = dict(module.init(key, x, label, Mode()))
        return variables.pop("params", {}), variables

    def apply(params: Params, stats: Params, x: Array, label: Array | None, mode: Mode) -> tuple[Array, Params]:
        variables = {"params": params, **stats}
        rngs = None if mode.keys is None else {"dropout": mode.keys[0]}
        mutable = list(stats) if mode.train and stats else False
        out: Any = module.apply(variables, x, label, mode, rngs=rngs, mutable=mutable)
        return out if mutable else (out, stats)

    return Network(init, apply)
