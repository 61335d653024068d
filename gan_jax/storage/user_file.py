"""The user's Python files: experiments, and functions that compute features."""

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from gan_jax.errors import Missing, UserError


def load(path: Path) -> ModuleType:
    """Imports a file.

    Raises:
      Missing: There is no such file.
      UserError: It isn't Python, or it raises an error.
    """
    if not path.is_file():
        raise Missing(f"{path}: no such file")
    spec = importlib.util.spec_from_file_location(f"user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file: its name ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look it up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # a user's program may raise anything
        raise UserError(f"{path} does not load, {line_of(error, path)}{type(error).__name__}: {error}") from error
    return module


def line_of(error: BaseException, path: Path) -> str:
    """Returns the last line of the file that an error passed through, as "line 7: ", or an empty string."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == path.absolute()]
    return f"line {lines[-1]}: " if lines else ""
