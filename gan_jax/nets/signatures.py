"""Whether a module of another library takes a condition."""

import inspect
from collections.abc import Callable
from typing import Any

POSITIONAL = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}


def takes_condition(module: Callable[..., Any], x: Any, condition: Any, *others: Any, **named: Any) -> bool:
    """Whether a module can be called with x, a condition and the other arguments, by its signature.

    Neither `*args` nor a second argument called `state`, as those of sequences of layers, is a place for a condition.
    """
    signature = inspect.signature(module)
    names = [name for name, parameter in signature.parameters.items() if parameter.kind in POSITIONAL]
    try:
        signature.bind(x, condition, *others, **named)
    except TypeError:
        return False
    return len(names) > 1 and names[1] != "state"
