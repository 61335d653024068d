"""Files: written whole or not at all, hashed, and JSON from outside read with care."""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

PART = ".part"  # suffix of the folder of a file that isn't whole yet
LARGEST = 10_000_000  # bytes of JSON: the largest file that gan_jax writes has thousands


@contextlib.contextmanager
def aside(file: Path) -> Iterator[Path]:
    """Writes a file in a folder beside it, and moves it to its place once it is complete.

    Of several who write the same file at once, each has a folder of its own, and the last one's file stays.

    Yields:
      The path to write to, of the same name. An error removes it, and leaves the old file as it was.
    """
    with tempfile.TemporaryDirectory(prefix=f".{file.name}.", suffix=PART, dir=file.parent) as folder:
        part = Path(folder) / file.name
        yield part
        part.replace(file)


@contextlib.contextmanager
def whole(file: Path) -> Iterator[Path]:
    """As `aside`, for a file that must survive a power failure: it is on the disk before it takes its place."""
    with aside(file) as part:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())


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
