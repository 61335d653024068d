"""From a Linen module to a Network: the only place that knows Flax's collections."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from gan_jax.types import Array, Condition, Mode, Network, Params, has_stats


def from_linen(module: nn.Module, *, mixes_examples: bool | None = None) -> Network:
    """Turns a Linen module, called as `module(x, condition, mode)`, into two pure functions.

    `stats` holds every collection other than "params"; {} if there is none. They change when `mode.train` is set.

    `nn.Dropout` works: `mode.keys[0]` becomes Linen's "dropout" key. Its mask is drawn for the batch as a whole, so it
    depends on how the batch is split over devices; the mask of `layers.Dropout` doesn't.

    In `mode.dtype`, parameters and x are cast before the module is called, so layers that name no dtype compute in
    it; statistics keep their own.

    Args:
      module: The module. Its result is [B] for a critic, [B, ...] for a generator.
      mixes_examples: Whether an example's output in training depends on the others of its batch. By default it does
        if the module has any collection other than "params", since that is where batch statistics live. Pass False if
        yours holds something else, such as singular vectors, and True if examples meet without leaving statistics, as
        in minibatch discrimination.
    """

    def mixes(stats: Params) -> bool:
        return has_stats(stats) if mixes_examples is None else mixes_examples

    def init(key: Array, x: Array, condition: Condition) -> tuple[Params, Params]:
        variables = dict(module.init(key, x, condition, Mode()))
        return variables.pop("params", {}), variables

    def apply(params: Params, stats: Params, x: Array, condition: Condition, mode: Mode) -> tuple[Array, Params]:
        variables = {"params": cast(params, mode.dtype), **stats}
        rngs = None if mode.keys is None else {"dropout": mode.keys[0]}
        mutable = list(stats) if mode.train and stats else False
        given, condition = cast((x, condition), mode.dtype)
        out: Any = module.apply(variables, given, condition, mode, rngs=rngs, mutable=mutable)
        y, stats = out if mutable else (out, stats)
        return cast(y, mode.dtype and jax.tree.leaves(x)[0].dtype), stats

    return Network(init, apply, mixes_examples=mixes)


def cast(tree: Any, dtype: Any) -> Any:
    """Casts the floating-point arrays of a tree; with None, none of them."""
    if dtype is None:
        return tree
    return jax.tree.map(lambda x: x.astype(dtype) if jnp.issubdtype(x.dtype, jnp.floating) else x, tree)
