"""Which files of a folder are usable, checked once: the user's cache folder remembers it until a file changes."""

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gan_jax
from gan_jax.data.folders.find import below, read_each
from gan_jax.data.found import Skipped
from gan_jax.errors import UserError
from gan_jax.storage.files import read_json, write_whole

LARGEST = 2**30  # bytes remembered of a folder: some millions of files


def check_each(
    root: Path, files: Sequence[Path], check: Callable[[Path], Any], by: str
) -> tuple[list[Path], list[Any], list[Skipped]]:
    """Like `read_each`, returns the usable files, what `check` returns for each, and the others with reasons.

    Args:
      root: The folder.
      files: Files below it.
      check: Like `read` of `read_each`; returns JSON, preferably small.
      by: Everything that the outcome depends on besides the files and the version of gan_jax, such as the versions of
        what decodes them.
    """
    kept = remembered_in(root, by)
    state = state_of(files)
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, IndexError):  # none yet, or a broken one
        return recalled(read_json(kept, LARGEST), state, root, files)
    passing: list[OSError | MemoryError] = []

    def attempt(file: Path) -> Any:
        try:
            return check(file)
        except (OSError, MemoryError) as error:
            if isinstance(error, MemoryError) or error.errno:  # the machine's fault, perhaps only for now
                passing.append(error)
            raise

    places, values, skipped = read_each(
        range(len(files)), lambda place: attempt(files[place]), lambda place: below(root, files[place])
    )
    if not passing:
        others = sorted(set(range(len(files))).difference(places))
        reasons = [(place, reason) for place, (_, reason) in zip(others, skipped, strict=True)]
        with contextlib.suppress(OSError):  # a cache that can't be written to
            write(kept, {"state": state, "skipped": reasons, "values": values})
    return [files[place] for place in places], values, skipped


def remembered_in(root: Path, by: str) -> Path:
    from platformdirs import user_cache_path

    key = hashlib.sha256(os.fsencode(root.resolve()) + b"\0" + by.encode()).hexdigest()[:32]
    return user_cache_path("gan_jax") / "checked" / f"{key}.json"


def state_of(files: Sequence[Path]) -> str:
    """A hash of the files and of the version of gan_jax that checks them."""
    text = "\n".join([gan_jax.__version__, *map(stamp, files)])
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def stamp(file: Path) -> str:
    try:
        about = file.stat()
    except OSError:  # gone since it was listed
        return f"{file}"
    return f"{file} {about.st_size} {about.st_mtime_ns}"


def recalled(kept: Any, state: str, root: Path, files: Sequence[Path]) -> tuple[list[Path], list[Any], list[Skipped]]:
    """What an earlier check found.

    Raises:
      ValueError, TypeError, KeyError, IndexError: The folder has changed, or `write` didn't write this.
    """
    if kept["state"] != state:
        raise UserError("the folder has changed")
    why = {int(place): str(reason) for place, reason in kept["skipped"]}
    skipped = [Skipped(below(root, files[place]), reason) for place, reason in why.items()]
    used = [file for place, file in enumerate(files) if place not in why]
    return used, [value for _, value in zip(used, kept["values"], strict=True)], skipped


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(value, separators=(",", ":")))
