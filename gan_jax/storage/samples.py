"""Files of samples: each is written with its note on its origin and its signature, or not at all."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from gan_jax.storage import signature
from gan_jax.storage.files import aside
from gan_jax.storage.provenance import Origin, mark
from gan_jax.storage.provenance_formats import FORMATS

if TYPE_CHECKING:
    from c2pa import Context


def write_samples(
    files: Iterable[tuple[Path, Callable[[Path], None]]], origin: Origin | None, signer: "Context | None" = None
) -> None:
    """Writes files of one folder; after an error or Ctrl-C, those that are there are whole.

    Args:
      files: The files, and what writes each.
      origin: Noted in each file, or in provenance.jsonl if their format has no place for a note. None: without a note.
      signer: Signs each file by C2PA.
    """
    without = []
    try:
        for file, write in files:
            with aside(file) as part:
                write(part)
                if origin and file.suffix in FORMATS:
                    mark([part], origin)
                if origin and signer:
                    signature.sign(part, origin, signer)
            if file.suffix not in FORMATS:
                without.append(file)
    finally:
        if origin and without:
            mark(without, origin)
