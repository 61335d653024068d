"""The terminal: arguments into a command, errors into one line and an exit code."""

import contextlib
import difflib
import functools
import io
import logging
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import tyro

from gan_jax.cli.arguments import experiment_among
from gan_jax.errors import UserError
from gan_jax.storage.user_file import line_of

FAILED, BAD_INPUT, DIVERGED, SIGNAL = 1, 2, 3, 128
TRACEBACK = "GAN_JAX_TRACEBACK=1 shows where"


def parse(commands: dict[str, Callable[..., None]], arguments: Sequence[str]) -> Callable[[], None]:
    """Returns the command that the arguments name, bound to them; an error becomes one line instead of tyro's box."""
    deferred = {name: defer(command) for name, command in commands.items()}
    stderr = io.StringIO()
    try:
        with contextlib.redirect_stderr(stderr):
            return tyro.extras.subcommand_cli_from_dict(
                deferred,
                prog="gan-jax",
                description="Generative adversarial networks in JAX. --version prints the version.",
                args=arguments,
            )
    except SystemExit as error:
        if error.code != BAD_INPUT:
            raise
        fail(f"{one_line(stderr.getvalue())}; {pointer(commands, arguments)}", BAD_INPUT)


def defer(command: Callable[..., None]) -> Callable[..., Callable[[], None]]:
    """Returns a function of the same signature that returns the call instead of making it: parsing runs nothing."""

    @functools.wraps(command)
    def bind(*args: Any, **kwargs: Any) -> Callable[[], None]:
        return functools.partial(command, *args, **kwargs)

    bind.__annotations__ = command.__annotations__ | {"return": Any}
    return bind


@contextlib.contextmanager
def bad_input(*files: Path) -> Iterator[None]:
    """Turns an error in the set-up of a command into one line and exit code 2.

    Args:
      files: The user's own files, such as the experiment. Unless an error is a UserError, its line says where in these
        files it arose.
    """
    try:
        yield
    except Exception as error:
        from gan_jax.runs.processes import lost_a_peer  # here, as it imports JAX

        if "GAN_JAX_TRACEBACK" in os.environ or lost_a_peer(error):
            raise
        fail(said(error, *files), BAD_INPUT)


def said(error: Exception, *files: Path) -> str:
    """An error as one line; unless it is a UserError, with its type, and where in the user's own files it arose."""
    if isinstance(error, UserError):
        return str(error)
    where = "".join(f"{file}, {line}" for file in files if (line := line_of(error, file)))
    return f"{where}{type(error).__name__}: {error} ({TRACEBACK})"


def say(message: str) -> None:
    """Prints one line on stderr."""
    print(f"gan-jax: {printable(' '.join(message.split()))}", file=sys.stderr)


def printable(value: object) -> str:
    """Replaces characters that could control a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(value))


def fail(message: str, code: int) -> NoReturn:
    """Prints one line on stderr, and exits."""
    say(message)
    sys.exit(code)


@contextlib.contextmanager
def warnings_on_stderr() -> Iterator[None]:
    """Prints gan_jax's log in lines of its own, but for skipped files of data, which commands report."""
    logger, found = logging.getLogger("gan_jax"), logging.getLogger("gan_jax.data.found")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("gan-jax: %(message)s"))
    before = logger.propagate, found.disabled
    logger.addHandler(handler)
    logger.propagate, found.disabled = False, True
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate, found.disabled = before


def one_line(box: str) -> str:
    """Returns the text of tyro's box: its rows after the title, without frame and rules in UTF-8 or ASCII."""
    rows = [line.strip("│╭╮╰╯ ") for line in box.splitlines()[1:]]
    stripped = (part.strip() for part in " ".join("\n" if set(row) <= set("─-") else row for row in rows).split("\n"))
    parts = [part for part in stripped if part and not part.startswith("For full helptext")]
    return "; ".join(suggestion(part, parts[0]) for part in parts)


def suggestion(part: str, first: str) -> str:
    """Shortens tyro's list of options like the wrong one, with all their help, to the one most like it."""
    if not part.startswith("Perhaps you meant"):
        return part
    wrong = re.findall(r"--[\w-]+", first)
    like = difflib.get_close_matches(wrong[0], re.findall(r"--[\w-]+", part), 1, cutoff=0) if wrong else []
    return f"did you mean {like[0]}?" if like else part


def pointer(commands: Collection[str], arguments: Sequence[str]) -> str:
    """Says which help to read: the experiment's, the command's or that of gan-jax."""
    command = [word for word in arguments[:1] if word in commands]
    file = experiment_among(arguments[1:]) if command in (["train"], ["sweep"], ["plan"]) else None
    return f"see `{' '.join(['gan-jax', *command, *([str(file)] if file else [])])} --help`"
