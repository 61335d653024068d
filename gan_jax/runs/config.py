"""The arguments of an experiment and the options of a run as JSON."""

import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from gan_jax.errors import UserError


def as_declared(function: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns arguments read from JSON with the paths and tuples that a function or a dataclass declares."""
    hints = typing.get_type_hints(function)

    def restored(name: str, value: Any) -> Any:
        hint = hints.get(name)
        if isinstance(value, list) and typing.get_origin(hint) is tuple:
            return tuple(Path(one) if Path in typing.get_args(hint) else one for one in value)
        return Path(value) if isinstance(value, str) and is_path(hint) else value

    return {name: restored(name, value) for name, value in arguments.items()}


def is_path(hint: Any) -> bool:
    """Whether an argument of this type may be one path."""
    return typing.get_origin(hint) is not tuple and Path in (hint, *typing.get_args(hint))


def as_json(value: Any) -> str:
    """Returns a path as a string that is valid in any working directory."""
    if isinstance(value, Path):
        return str(value.absolute())
    raise UserError(f"the argument {value!r} can't be saved in config.json: use numbers, strings or paths")


def check_type(name: str, value: Any, hint: Any) -> None:
    """Raises UserError unless a value read from JSON has the declared type or is one of the allowed words."""
    choices = typing.get_args(hint) if typing.get_origin(hint) is not Literal else (hint,)
    words = [word for choice in choices if typing.get_origin(choice) is Literal for word in typing.get_args(choice)]
    kinds = [str if kind is Path else kind for kind in choices or (hint,)]
    if value not in words and type(value) not in kinds and not (float in kinds and type(value) is int):
        wanted = [str(word) for word in words] or [kind.__name__ for kind in kinds]
        raise UserError(f"{name} is {value!r}, where {' or '.join(wanted)} is wanted")
