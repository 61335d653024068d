"""Samples inside a page: files in memory, with notes on their origin, and data URIs that hold them."""

import base64
import tempfile
from pathlib import Path
from typing import Any

from gan_jax.storage.provenance import Origin, mark
from gan_jax.storage.provenance_formats import FORMATS
from gan_jax.types import Write

TYPES = {".png": "image/png", ".webp": "image/webp", ".gif": "image/gif", ".wav": "audio/wav"}


def encoded(write: Write, samples: Any, ending: str, origin: Origin) -> bytes:
    """The file that a view writes, with a note on its origin if the format has a place for one."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"samples{ending}"
        write(samples, file)
        if ending in FORMATS:
            mark([file], origin)
        return file.read_bytes()


def data_uri(ending: str, content: bytes) -> str:
    """The data URI of a file's content."""
    return f"data:{TYPES[ending]};base64,{base64.b64encode(content).decode()}"
