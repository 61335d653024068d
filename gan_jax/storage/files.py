"""Files: written whole or not at all, hashed, and JSON from outside read with care."""

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

PART = ".part"  # suffix of a file that isn't whole yet
LARGEST = 10_000_000  # bytes of JSON: the largest file that gan_jax writes has thousands


@contextlib.contextmanager
def whole(file: Path) -> Iterator[Path]:
    """Writes a file under another name, and renames it once it is complete and on the disk.

    Of several who write the same file at once, each has a name of its own, and the last one's file stays.

    Yields:
      The path to write to. An error removes the file.
    """
    part = file.with_name(f"{file.name}.{secrets.token_hex(4)}{PART}")
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_whole(file: Path, content: str | bytes) -> None:
    """Writes a file whole, or leaves the old one as it was."""
    with whole(file) as part:
        part.write_bytes(content.encode() if isinstance(content, str) else content)


def sha256_of(file: Path | Traversable) -> str:
    """Returns the SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def read_json(path: Path, largest: int = LARGEST) -> Any:
    """Reads a JSON file that may hold anything.

    Args:
      path: The file.
      largest: The most bytes that it may have.

    Raises:
      ValueError: It isn't JSON, or is too large or too deeply nested.
    """
    if (size := path.stat().st_size) > largest:
        raise ValueError(f"{size:,} bytes, where {largest:,} are many")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
