"""Notes on the origin of generated files.

PNG, GIF and MP4 carry XMP with the IPTC's DigitalSourceType, which photo software and search engines read. WAV carries
an INFO chunk, FLAC comments, and GLB its asset's extras. A file of another format has a line in provenance.jsonl beside
it. The samples themselves don't change. docs/provenance.md says what such notes protect against and what they don't.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import gan_jax
from gan_jax.errors import Missing, UserError
from gan_jax.storage.files import sha256_of, write_whole
from gan_jax.storage.provenance_formats import BEGINNINGS, FORMATS, claim_of

SYNTHETIC = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"  # IPTC, Digital Source Type
SIDECAR = "provenance.jsonl"


class Origin(NamedTuple):
    """The origin of a sample.

    Attributes:
      experiment: Name of the experiment.
      model: SHA-256 of the generator's variables.
      step: Updates of the generator.
      seed: Seed of the samples.
      version: Version of gan_jax.
    """

    experiment: str
    model: str
    step: int
    seed: int
    version: str = gan_jax.__version__

    def as_dict(self) -> dict[str, Any]:
        """Returns the note, with the source type first."""
        return {"digital_source_type": SYNTHETIC, **self._asdict()}


def hash_of(variables: Any) -> str:
    """Returns the SHA-256 of a tree of arrays, over each leaf's path, type, shape and bytes."""
    import jax
    import numpy as np

    found = hashlib.sha256()
    for path, leaf in jax.tree.leaves_with_path(variables):
        array = np.asarray(leaf)
        found.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}".encode())
        found.update(np.ascontiguousarray(array).data)
    return found.hexdigest()


def mark(files: Sequence[Path], origin: Origin) -> None:
    """Notes the origin in files of one folder, or in provenance.jsonl if their format has no place for a note."""
    claim = origin.as_dict()
    for file in files:
        if file.suffix in FORMATS:
            FORMATS[file.suffix][0](file, claim)
    without = [file for file in files if file.suffix not in FORMATS]
    if without:
        to_sidecar(without, claim)


def inspect(file: Path) -> dict[str, Any] | None:
    """Reads a file's note on its origin.

    Returns:
      The note, or None if there is none.

    Raises:
      Missing: There is no such file.
      UserError: The file isn't whole.
    """
    if not file.is_file():
        raise Missing(f"{file} is a folder: name a file in it" if file.is_dir() else f"{file}: no such file")
    with file.open("rb") as stream:
        start = stream.read(12)
    ending = next((ending for ending, begins in BEGINNINGS.items() if begins(start)), None)
    try:
        found = FORMATS[ending][1](file) if ending else None
    except Exception as error:  # of Pillow, struct and ElementTree alike
        raise UserError(f"{file} can't be read as {ending} ({error}): is it whole?") from error
    return found or from_sidecar(file)


def to_sidecar(files: Sequence[Path], claim: dict[str, Any]) -> None:
    """Writes a line for each file, in place of the line of an earlier file of the same name."""
    sidecar = files[0].with_name(SIDECAR)
    names = {file.name for file in files}
    kept = [line for line in lines_of(sidecar) if line.get("file") not in names]
    new = [{"file": file.name, "sha256": sha256_of(file), **claim} for file in files]
    write_whole(sidecar, "".join(json.dumps(line) + "\n" for line in kept + new))


def from_sidecar(file: Path) -> dict[str, Any] | None:
    """Returns the note in provenance.jsonl on a file's content."""
    lines = lines_of(file.with_name(SIDECAR))
    note = next((line for line in lines if line.get("sha256") == sha256_of(file)), {})
    return claim_of(json.dumps({name: value for name, value in note.items() if name not in ("file", "sha256")}))


def lines_of(sidecar: Path) -> list[dict[str, Any]]:
    """Reads provenance.jsonl; raises UserError if a line isn't a JSON object."""
    try:
        lines = sidecar.read_text(encoding="utf-8").splitlines() if sidecar.is_file() else []
        return [dict(json.loads(line)) for line in lines]
    except (ValueError, TypeError) as error:
        raise UserError(f"{sidecar} is broken ({error}): remove it") from error
