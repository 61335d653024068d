"""The arguments of an experiment as options of a command: of `gan-jax train`, `sweep` and `plan`."""

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from gan_jax.errors import UserError


def experiment_among(arguments: Sequence[str]) -> Path | None:
    """Returns the experiment's file: the argument that ends in .py, or else the first if it isn't an option."""
    first = [argument for argument in arguments[:1] if not argument.startswith("-")]
    named = [argument for argument in arguments if argument.endswith(".py")] + first
    return Path(named[0]) if named else None


def with_arguments_of(
    experiment: Callable[..., Any], command: Callable[..., None], *, file: Path, what: str
) -> Callable[..., None]:
    """Replaces a command's `**arguments` by the parameters of an experiment.

    They come before the command's keyword-only parameters, and their help is the experiment's docstring.

    Args:
      experiment: The `experiment` function of a file.
      command: (file, ..., *, ..., **arguments).
      file: The experiment's file, for the message of an error.
      what: What the command makes, such as a run, for the message of an error.

    Raises:
      UserError: The experiment and the command share the name of an argument.
    """
    own = inspect.signature(experiment).parameters
    mine = [p for p in inspect.signature(command).parameters.values() if p.kind != p.VAR_KEYWORD]
    taken = sorted({name for parameter in mine for name in options_of(parameter)} & own.keys())
    if taken:
        raise UserError(f"{file}: every {what} has {' and '.join(taken)} already: give that argument another name")
    name_of_file, *before = [p for p in mine if p.kind != p.KEYWORD_ONLY]
    after = [p for p in mine if p.kind == p.KEYWORD_ONLY]
    parameters = [
        name_of_file.replace(kind=inspect.Parameter.POSITIONAL_ONLY),
        *[p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in before],
        *own.values(),
        *after,
    ]

    def with_arguments(file: Path, **given: Any) -> None:
        command(file, **given)

    with_arguments.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_arguments.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    with_arguments.__doc__ = help_of(experiment)
    return with_arguments


def help_of(experiment: Callable[..., Any]) -> str:
    """Returns the docstring of an experiment's file, or else of its function, and the help of its arguments."""
    summary, heading, arguments = (inspect.getdoc(experiment) or "").partition("\nArgs:\n")
    header = inspect.cleandoc(getattr(inspect.getmodule(experiment), "__doc__", None) or summary)
    # tyro would keep some line breaks within a paragraph
    return re.sub(r"(?<!\n)\n(?=[\w`(])", " ", header) + "\n" + heading + re.sub(r"\n {4,}", " ", arguments)


def with_several_values(experiment: Callable[..., Any]) -> tuple[Callable[..., Any], set[str]]:
    """Lets each argument of an experiment take several values.

    Returns:
      A function with such a signature, and the names of the arguments that were lists before: they stay as they were.
    """
    hints = typing.get_type_hints(experiment, include_extras=True)
    lists: set[str] = set()
    parameters = []
    for name, parameter in inspect.signature(experiment).parameters.items():
        hint = hints.get(name, str)
        extras = getattr(hint, "__metadata__", ())  # those of Annotated
        hint = hint.__origin__ if extras else hint
        if typing.get_origin(hint) in (tuple, list, set, dict):
            lists.add(name)
        else:
            several: Any = tuple[hint, ...]  # type: ignore[valid-type]
            for extra in extras:
                several = Annotated[several, extra]
            usual = parameter.empty if parameter.default is parameter.empty else (parameter.default,)
            parameter = parameter.replace(annotation=several, default=usual)
        parameters.append(parameter)

    def of_values(**_: Any) -> None: ...

    of_values.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    own = inspect.getdoc(experiment) or ""
    of_values.__doc__ = f"Train a run for each choice of the values below, and compare them.\n\n{own}"
    return of_values, lists


def options_of(parameter: inspect.Parameter) -> Iterator[str]:
    """Yields the names of a parameter on the command line: its own, and the fields of its dataclass."""
    yield parameter.name
    if dataclasses.is_dataclass(parameter.default):
        yield from (field.name for field in dataclasses.fields(parameter.default))


def check_picture(path: Path) -> None:
    """Makes the folder of a picture, or raises UserError if the path can't be a picture."""
    if path.suffix != ".png" or path.is_dir():
        raise UserError(f"{path}: name a picture, such as {path.with_suffix('.png')}")
    path.parent.mkdir(parents=True, exist_ok=True)
