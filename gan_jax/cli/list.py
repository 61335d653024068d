"""`gan-jax list`: the experiments in a folder."""

import ast
from pathlib import Path

from tyro.conf import Positional

from gan_jax.cli.terminal import bad_input
from gan_jax.errors import Missing


def list_experiments(folder: Positional[Path] = Path("experiments")) -> None:
    """List the experiments with their first lines.

    Args:
      folder: Where the experiment files are.
    """
    with bad_input():
        if not folder.is_dir():
            raise Missing(f"{folder}: no such folder; run this in a clone of gan_jax, or name your folder")
        lines = {path: first_line(path) for path in sorted(folder.glob("*.py"))}
    width = max((len(str(path)) for path in lines), default=0)
    for path, line in lines.items():
        print(f"{path!s:{width}}  {line}")


def first_line(file: Path) -> str:
    """Returns the first line of a file's docstring, without running the file."""
    try:
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    except (SyntaxError, ValueError, OSError) as error:
        return f"(does not parse: {error})"
    return text.splitlines()[0] if text else "(no docstring)"
