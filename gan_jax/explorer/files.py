"""Samples as files to take away, each with a note on its origin."""

from pathlib import Path
from typing import Any

from gan_jax.storage.provenance import SIDECAR, Origin, mark
from gan_jax.storage.provenance_formats import FORMATS
from gan_jax.types import View, Write

SAMPLE, GRID, WALK = "sample", "grid", "walk"


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
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}{ending}"
    write(samples, file)
    mark([file], origin)
    return [file] if ending in FORMATS else [file, folder / SIDECAR]
