"""Every term of the library, found by itself, and a game that has all that terms look at."""

import importlib
import inspect
from collections.abc import Callable
from types import ModuleType
from typing import Any, get_type_hints

import jax
from toys import CLASSES, conditional_perceptron

import gan_jax
from gan_jax import auxiliary, losses, penalties, priors, regularizers
from gan_jax.keys import fold_leaves
from gan_jax.types import Array, Augment, Mode, Network, Objective, Output, Params

CODES = priors.Codes((3, 2), 2)
PRIOR = priors.with_codes(priors.uniform(4), CODES)


def jitter(keys: Array, x: Array) -> Array:
    return x + 0.2 * jax.vmap(lambda key: jax.random.normal(key, x.shape[1:]))(keys)


JITTER = Augment(tuple, lambda state, keys, x, step: jax.tree.map(jitter, fold_leaves(keys, x), x), lambda s, game: s)

ARGUMENTS: dict[str, tuple[Any, ...]] = {"consistency": (JITTER,), "information": (CODES,)}
MAKERS = {"adversarial", "f_gan", "critic_penalty"}  # of objectives from functions: all the others come from them


def makers_of(module: ModuleType) -> dict[str, Callable[..., Objective]]:
    """The module's public functions that return an objective."""
    functions = {name: value for name, value in vars(module).items() if inspect.isfunction(value)}
    return {
        name: function
        for name, function in functions.items()
        if not name.startswith("_")
        and function.__module__ == module.__name__
        and get_type_hints(function).get("return") is Objective
    }


def needs_arguments(function: Callable[..., Objective]) -> bool:
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return any(parameter.default is parameter.empty or parameter.kind in kinds for parameter in parameters)


def objectives_of(module: ModuleType) -> dict[str, Objective]:
    """The module's objectives: those made without arguments, and those with the arguments above."""
    makers = makers_of(module).items()
    return {name: f(*ARGUMENTS.get(name, ())) for name, f in makers if name in ARGUMENTS or not needs_arguments(f)}


LOSSES = objectives_of(losses)
PENALTIES = objectives_of(penalties)
OTHERS = objectives_of(regularizers) | objectives_of(auxiliary)
ALL = LOSSES | PENALTIES | OTHERS


def makers() -> set[str]:
    """The names of all public functions that return an objective, but for those that make it of objectives."""
    names = set(gan_jax.NAMES["gan_jax"].split()) - {"objectives"}
    modules = (importlib.import_module(f"gan_jax.{name}") for name in names)
    return {name for module in modules for name in makers_of(module)}


def talkative() -> Network:
    """A critic with classes that also guesses at classes and codes, and hands out features."""
    inner = conditional_perceptron((1 + CLASSES + CODES.size,))

    def apply(params: Params, stats: Params, x: Array, condition: Any, mode: Mode) -> tuple[Output, Params]:
        y, stats = inner.apply(params, stats, x, condition, mode)
        extra = {"classes": y[:, 1 : 1 + CLASSES], "codes": y[:, 1 + CLASSES :], "features": y}
        return Output(y[:, 0], extra), stats

    return inner._replace(apply=apply)
