"""RUN/result.json: the results of a run, one for each protocol that it was evaluated by."""

import json
from pathlib import Path
from typing import Any

from gan_jax.errors import Missing, UserError
from gan_jax.storage.files import read_json, write_whole


def save(result: dict[str, Any], file: Path) -> None:
    """Adds a result to the file, in place of one with the same protocol."""
    before = [one for one in load(file) if one["protocol"] != result["protocol"]] if file.exists() else []
    write_whole(file, as_text({"results": [*before, result]}) + "\n")


def as_text(result: dict[str, Any]) -> str:
    return json.dumps(result, indent=2, allow_nan=False)


def load(file: Path) -> list[dict[str, Any]]:
    """Reads the results of a file.

    Raises:
      Missing: There is no such file.
      UserError: It isn't one that `save` wrote.
    """
    if file.is_dir():
        raise UserError(f"{file} is a folder, where a file of results belongs: move it away, and evaluate again")
    if not file.is_file():
        raise Missing(f"{file}: no such file; `gan-jax evaluate {file.parent}` makes it")
    try:
        results = read_json(file)["results"]
        for one in results:
            one["protocol"], one["quartiles"], one["figures"], one["collapsed"], one["floor"]
            {**one["better"]}
            one["made"]["games"], one["made"]["seed"], one["made"]["versions"]
        return results
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is broken ({error!r}): delete it, and evaluate again") from error
