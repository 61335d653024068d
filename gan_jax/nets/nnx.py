"""From a Flax NNX module to a Network: the only place that knows NNX's graphs and variables."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from gan_jax.errors import UserError
from gan_jax.nets.linen import cast
from gan_jax.nets.nested import as_dicts, filled
from gan_jax.nets.signatures import takes_condition
from gan_jax.trees import strong
from gan_jax.types import Array, Condition, Mode, Network, Params, has_stats


def plainly(module: Any, x: Any, condition: Condition, mode: Mode) -> Any:
    """Calls `module(x, condition)`, or `module(x)` if there is no condition or the module takes none."""
    del mode
    return module(x, condition) if condition is not None and takes_condition(module, x, condition) else module(x)


def from_nnx(
    make: Callable[[nnx.Rngs], nnx.Module],
    call: Callable[[Any, Any, Condition, Mode], Any] = plainly,
    *,
    mixes_examples: bool | None = None,
) -> Network:
    """Turns an NNX module into two pure functions.

    `params` holds every `nnx.Param`. `stats` holds every other variable or array, such as batch statistics; {} if there
    is none. They change when `mode.train` is set. Both are nested dicts named after the module's attributes.

    The module is set to `train()` or `eval()` before each call. `nnx.BatchNorm` works on any number of devices: its
    `axis_name` is set to `mode.axis_name`. A norm of your own must average over that axis by itself.

    `nnx.Dropout` works: all streams of random numbers start from `mode.keys[0]`, each in its own place. A mask is drawn
    for the batch as a whole, so it depends on how the batch is split over devices; the module's own seeds don't matter.

    In `mode.dtype`, parameters and x are cast before the module is called, so layers that name no dtype compute in
    it; statistics keep their own.

    Args:
      make: Makes the module, as in `lambda rngs: Critic(width=8, rngs=rngs)`. It is traced, never run, until `init`.
      call: (module, x, condition, mode) -> [B] for a critic, [B, ...] for a generator. By default `module(x)`, or
        `module(x, condition)` where there is a condition and the module takes one.
      mixes_examples: As for `from_linen`: by default, whether the module has any statistics.
    """
    graph, *shapes = jax.eval_shape(lambda: split(make(nnx.Rngs(0))))

    def mixes(stats: Params) -> bool:
        return has_stats(stats) if mixes_examples is None else mixes_examples

    def init(key: Array, x: Array, condition: Condition) -> tuple[Params, Params]:
        del x, condition
        _, params, _, stats = split(make(nnx.Rngs(key)))
        return strong((as_dicts(params), as_dicts(stats)))

    def apply(params: Params, stats: Params, x: Array, condition: Condition, mode: Mode) -> tuple[Array, Params]:
        params_like, streams_like, stats_like = shapes
        arrays = filled(params_like, cast(params, mode.dtype)), started(streams_like, mode), filled(stats_like, stats)
        module = in_mode(nnx.merge(graph, *arrays), mode)
        given, condition = cast((x, condition), mode.dtype)
        y = call(module, given, condition, mode)
        if mode.train and stats:
            stats = as_dicts(filled(stats_like, as_dicts(split(module)[3])))
        return cast(y, mode.dtype and jax.tree.leaves(x)[0].dtype), stats

    return Network(init, apply, mixes_examples=mixes)


def split(module: nnx.Module) -> tuple[Any, Params, Params, Params]:
    """The module's graph, and its parameters, its random streams, and its other variables and arrays."""
    for _, part in list(nnx.iter_graph(module)):
        if isinstance(part, nnx.Module):
            arrays = {name: value for name, value in vars(part).items() if isinstance(value, jax.Array)}
            for name, value in arrays.items():
                setattr(part, name, nnx.data(value))  # or NNX takes a traced one for a part of the graph
    graph, *states = nnx.split(module, nnx.Param, nnx.RngState, ...)
    params, streams, stats = map(nnx.to_pure_dict, states)
    return graph, params, streams, stats


def started(streams: Any, mode: Mode) -> Any:
    """Streams of random numbers at their start, each with a key of its own.

    Raises:
      ValueError: There are streams, but in training there are no keys.
    """
    leaves, structure = jax.tree.flatten(streams)
    if leaves and mode.train and mode.keys is None:
        raise UserError("dropout in training needs mode.keys, which is None: pass one key an example, [B]")
    key = jax.random.key(0) if mode.keys is None else mode.keys[0]

    def start(place: int, leaf: Any) -> Array:
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            return jax.random.split(jax.random.fold_in(key, place), leaf.shape)
        return jnp.zeros(leaf.shape, leaf.dtype)  # how many numbers were drawn

    return jax.tree.unflatten(structure, [start(*given) for given in enumerate(leaves)])


def in_mode(module: nnx.Module, mode: Mode) -> nnx.Module:
    """Sets the module to training or evaluation, and its batch norms to the mode's axis and type."""
    module.train() if mode.train else module.eval()
    for _, layer in nnx.iter_graph(module):
        if isinstance(layer, nnx.BatchNorm):
            layer.axis_name = mode.axis_name
            if layer.dtype is None:  # or its float32 statistics would turn x into float32
                layer.dtype = mode.dtype
    return module
