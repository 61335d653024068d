"""`gan-jax inspect`: a file's note on its origin and its signature, or a bundle's model card."""

import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyro.conf import Positional

from gan_jax.cli.terminal import FAILED, bad_input, printable
from gan_jax.errors import UserError

if TYPE_CHECKING:
    from gan_jax.storage.signature import Signature


def inspect(file: Positional[Path], trust: Path | None = None) -> None:
    """Print a file's note on its origin, and verify its C2PA signature: which model made it, and was it changed since?

    Of a bundle or a run it prints the model card: what the generator makes, was trained on and is for.

    The exit code is 1 if the file was changed after it was signed, or its signature isn't valid for another reason.

    Args:
      file: A file that `gan-jax sample` wrote, any PNG, GIF, MP4, WAV, FLAC or GLB, a bundle, zoo:NAME, or a
        run's folder.
      trust: PEM file of root certificates. The exit code is also 1 unless one of them vouches for the signer.
    """
    if str(file).startswith("zoo:") or file.suffix == ".ganjax" or is_zip(file):
        with bad_input():
            print_card(bundled_card(file))
    elif file.is_dir():
        with bad_input(file / "experiment.py"):
            print_card(card_of_run(file))
    else:
        print_origin(file, trust)


def is_zip(file: Path) -> bool:
    """Whether a file is a zip file, as a bundle under any name is."""
    return file.is_file() and zipfile.is_zipfile(file)


def bundled_card(file: Path) -> str:
    """A bundle's model card, once the bundle has been opened as for drawing."""
    from gan_jax.models import bundle
    from gan_jax.models.open import file_of

    whole = file_of(file)
    bundle.read(whole)
    return bundle.card_of(whole)


def card_of_run(folder: Path) -> str:
    """The card that a bundle of a run's first game would have."""
    from gan_jax.models.card import card_of
    from gan_jax.models.open import model_of
    from gan_jax.runs.folder import open_run
    from gan_jax.runs.trained import open_trained_to_sample

    run, trained = open_run(folder), open_trained_to_sample(folder, "latest")
    return card_of(model_of(run.name, trained, 0), run, trained.experiment)


def print_card(card: str) -> None:
    print("\n".join(map(printable, card.splitlines())))


def print_origin(file: Path, trust: Path | None) -> None:
    """Prints a file's note and its signature, and exits with a code if that isn't good."""
    from gan_jax.storage import provenance, signature

    with bad_input():
        signed = file.is_file() and signature.is_signed(file)
        try:
            note = provenance.inspect(file)
        except UserError as error:
            if not signed:
                raise
            print(printable(error))
            note = None
    if note is not None:
        print_note(file, note)
    elif not signed:
        print(f"{file} says nothing of its origin, which proves nothing: such a note is easily removed")
    with bad_input():
        found = signature.verify(file, trust) if signed else None
    if found is not None:
        print_signature(file, found, trust)
    elif trust is not None:
        print(f"{file} isn't signed")
    if (found is not None and found.problems) or (trust is not None and (found is None or not found.trusted)):
        sys.exit(FAILED)


def print_note(file: Path, note: dict[str, Any]) -> None:
    """Prints a note that anyone can write."""
    from gan_jax.storage.provenance import SYNTHETIC

    synthetic = note["digital_source_type"] == SYNTHETIC
    source = printable(note["digital_source_type"])
    print(f"{file} says that {'it is synthetic' if synthetic else 'its source is'}: {source}")
    print_fields({name: value for name, value in note.items() if name != "digital_source_type"})


def print_signature(file: Path, found: "Signature", trust: Path | None) -> None:
    """Prints a signature: is it valid, who signed, and who vouches for the signer."""
    from gan_jax.storage.signature import verdict

    print(f"{file} {printable(verdict(found))}")
    print_fields(found.claims)
    if found.trusted:
        print(f"{trust} vouches for the signer")
    elif not found.problems:
        who = "--trust CERTIFICATES checks who vouches for it" if trust is None else f"{trust} doesn't vouch for it"
        print(f"The signer isn't known, and anyone can make a certificate in any name: {who}")


def print_fields(fields: dict[str, Any]) -> None:
    """Prints a line for each field."""
    for name, value in fields.items():
        print(f"{name:10}  {printable(value)}")
