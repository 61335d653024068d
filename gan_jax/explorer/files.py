"""Samples as files to take away, each with a note on its origin."""

import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from gan_jax.storage.provenance import SIDECAR, Origin
from gan_jax.storage.provenance_formats import FORMATS
from gan_jax.storage.samples import write_samples
from gan_jax.types import View, Write

SAMPLE, GRID, WALK = "sample", "grid", "walk"
FEW = 8


def formats_of(view: View) -> dict[str, tuple[str, str, Write]]:
    """The formats that a view writes, by their names on the page: of what, the ending, the writer."""
    kinds = {SAMPLE: view.single, GRID: view.together, WALK: view.walks}
    return {
        f"{what} as {ending.removeprefix('.').upper()}": (what, ending, write)
        for what, writers in kinds.items()
        for ending, write in writers.items()
    }


def written(name: str, ending: str, write: Write, samples: Any, origin: Origin, folder: Path) -> list[Path]:
    """Writes a file with its note on its origin.

    Returns:
      The file, and provenance.jsonl if its format has no place for a note.
    """
    file = folder / f"{name}{ending}"
    write_samples([(file, partial(write, samples))], origin)
    return [file] if ending in FORMATS else [file, folder / SIDECAR]


def new_folder(parent: Path) -> Path:
    """Makes a folder in another, and removes all but the last few: gradio has copied their files."""
    parent.mkdir(parents=True, exist_ok=True)
    for old in sorted(parent.iterdir())[:-FEW]:
        shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{time.time_ns()}_", dir=parent))
