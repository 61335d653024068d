"""JSON that comes from outside: read only if it's as small as it should be."""

import json
from pathlib import Path
from typing import Any

LARGEST = 10_000_000  # bytes: the largest that gan_jax writes has thousands


def read_json(path: Path, largest: int = LARGEST) -> Any:
    """What the file holds.

    largest: bytes that it may have.

    Raises:
      ValueError: it isn't JSON, or so large or so deeply nested that it can't be what it claims to be.
    """
    if (size := path.stat().st_size) > largest:
        raise ValueError(f"{size:,} bytes, where {largest:,} are many")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
