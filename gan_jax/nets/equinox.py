"""From an Equinox module to a Network: the only place that knows Equinox's modules and states."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from gan_jax.errors import UserError
from gan_jax.nets.linen import cast
from gan_jax.nets.nested import as_dicts, filled
from gan_jax.nets.signatures import takes_condition
from gan_jax.trees import strong
from gan_jax.types import Array, Condition, Mode, Network, Params

EXAMPLES = "examples"
"""The name of the axis that examples are vmapped over."""


class Parts(NamedTuple):
    """An Equinox module in parts. All but the state have the module's form.

    Attributes:
      params: Its floating-point arrays.
      constants: Its other arrays.
      values: The values of its state.
      state: Its `eqx.nn.State`, which holds these values.
      rest: All else, such as functions and settings.
    """

    params: Any
    constants: Any
    values: Any
    state: Any
    rest: Any


def each_example(module: Any, state: Any, x: Any, condition: Condition, mode: Mode) -> tuple[Any, Any]:
    """Calls the module for each example, in Equinox's order: `module(x, condition, state, key=key)`.

    The condition and the state are left out where there are none, and the condition where the module takes none.
    """
    states = [state] if jax.tree.leaves(state) else []

    def one(given: list[Any], key: Array | None, state: Any) -> tuple[Any, Any]:
        return module(*given, state, key=key) if states else (module(*given, key=key), state)

    conditional = condition is not None and takes_condition(module, x, condition, *states, key=mode.keys)
    given = [x, condition] if conditional else [x]
    mapped = jax.vmap(one, in_axes=(0, 0, None), out_axes=(0, None), axis_name=EXAMPLES)
    return mapped(given, mode.keys, state)


def from_equinox(
    make: Callable[[Array], Any],
    call: Callable[[Any, Any, Any, Condition, Mode], tuple[Any, Any]] = each_example,
    *,
    mixes_examples: bool | None = None,
) -> Network:
    """Turns an Equinox module into two pure functions.

    `params` holds every floating-point array of the module. `stats` holds its `eqx.nn.State`, such as batch statistics,
    and its other arrays; {} if there are none. The state changes when `mode.train` is set. Both are nested dicts named
    after the module's attributes.

    By default the module is called for one example, as Equinox's layers are: `module(x, key=key)` with the example's
    own key, so the mask of `eqx.nn.Dropout` doesn't depend on how the batch is split over devices. Where there is a
    condition and the module takes one, it comes after x. If the module has a state, the state comes next, and the
    module returns (y, state).

    `inference` is set on every layer that has it, by the mode. `eqx.nn.BatchNorm` works on any number of devices: its
    `axis_name` is set to the examples of all of them, whatever it was. A norm of your own must average over `EXAMPLES`
    and, unless it is None, `mode.axis_name`.

    In `mode.dtype`, parameters and x are cast before the module is called; the state keeps its own type.

    Args:
      make: Makes the module from a key, as in `lambda key: eqx.nn.MLP(2, "scalar", 64, 2, key=key)`. It is traced,
        never run, until `init`.
      call: (module, state, x, condition, mode) -> (y, state), for the batch as a whole: y is [B] for a critic, [B, ...]
        for a generator. Name an axis of examples that you vmap over `EXAMPLES`, for `eqx.nn.BatchNorm`.
      mixes_examples: Whether an example's output in training depends on the others of its batch. By default it does if
        the module has a state. Pass False if yours holds something else than statistics of a batch, such as singular
        vectors, and True if examples meet without leaving statistics.

    Raises:
      ValueError: Equinox isn't installed.
    """
    try:
        import equinox as eqx
    except ModuleNotFoundError as error:
        raise UserError("networks of Equinox need the package: pip install 'gan-jax[equinox]'") from error

    def split(key: Array) -> Parts:
        module, state = eqx.nn.make_with_state(make)(key)
        arrays, rest = eqx.partition(module, eqx.is_array)
        params, constants = eqx.partition(arrays, eqx.is_inexact_array)
        return Parts(params, constants, values(module, state), state, rest)

    shapes = eqx.filter_eval_shape(lambda: split(jax.random.key(0)))  # no key is made, no device started

    def mixes(stats: Params) -> bool:
        del stats
        return bool(jax.tree.leaves(shapes.values)) if mixes_examples is None else mixes_examples

    def init(key: Array, x: Array, condition: Condition) -> tuple[Params, Params]:
        del x, condition
        parts = split(key)
        return strong((as_dicts(parts.params), as_dicts(parts.constants, parts.values)))

    def apply(params: Params, stats: Params, x: Array, condition: Condition, mode: Mode) -> tuple[Array, Params]:
        constants = filled(shapes.constants, stats)
        module = eqx.combine(filled(shapes.params, cast(params, mode.dtype)), constants, shapes.rest)
        state = jax.tree.unflatten(jax.tree.structure(shapes.state), jax.tree.leaves(filled(shapes.values, stats)))
        given, given_condition = cast((x, condition), mode.dtype)
        y, state = call(in_mode(module, mode), state, given, given_condition, mode)
        if mode.train:
            stats = as_dicts(constants, values(module, state))
        return cast(y, mode.dtype and jax.tree.leaves(x)[0].dtype), stats

    return Network(init, apply, mixes_examples=mixes)


def values(module: Any, state: Any) -> Any:
    """The values of a module's state, each in its place in the module."""
    import equinox as eqx

    def is_index(leaf: Any) -> bool:
        return isinstance(leaf, eqx.nn.StateIndex)

    return jax.tree.map(lambda leaf: state.get(leaf) if is_index(leaf) else None, module, is_leaf=is_index)


def in_mode(module: Any, mode: Mode) -> Any:
    """Sets a module to training or evaluation, and its batch norms to the examples of all devices.

    Raises:
      ValueError: A batch norm doesn't work where it is trained.
    """
    import equinox as eqx

    axes = (EXAMPLES,) if mode.axis_name is None else (EXAMPLES, mode.axis_name)

    def is_norm(leaf: Any) -> bool:
        return isinstance(leaf, eqx.nn.BatchNorm)

    def over_all(leaf: Any) -> Any:
        if not is_norm(leaf):
            return leaf
        if mode.train and leaf.mode == "ema" and jax.sharding.get_abstract_mesh().manual_axes:
            raise UserError(  # its flag would become a constant, whose type Equinox tells from that of a split array
                "eqx.nn.BatchNorm with mode='ema' works neither under pmap nor for several games on several devices: "
                "make it with mode='batch'"
            )
        return eqx.tree_at(lambda norm: norm.axis_name, leaf, axes)

    return eqx.nn.inference_mode(jax.tree.map(over_all, module, is_leaf=is_norm), not mode.train)
