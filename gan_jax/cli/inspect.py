"""`gan-jax inspect`: a file's note on its origin, or a bundle's model card."""

from pathlib import Path

from tyro.conf import Positional

from gan_jax.cli.terminal import bad_input


def inspect(file: Positional[Path]) -> None:
    """Print a file's note on its origin: whether it is synthetic, and which model made it. Of a bundle, print the card.

    Args:
      file: A file that `gan-jax sample` wrote, any PNG, GIF, MP4, WAV, FLAC or GLB, a bundle, or zoo:NAME.
    """
    with bad_input():
        if is_bundle(file):
            print_card(file)
        else:
            print_note(file)


def is_bundle(file: Path) -> bool:
    """Whether the name is that of a bundle."""
    return str(file).startswith("zoo:") or file.suffix == ".ganjax"


def print_card(file: Path) -> None:
    """Prints a bundle's model card, once the bundle has been opened as for drawing."""
    from gan_jax.models import bundle
    from gan_jax.models.open import file_of

    whole = file_of(file)
    bundle.read(whole)
    print("\n".join(map(printable, bundle.card_of(whole).splitlines())))


def print_note(file: Path) -> None:
    """Prints a file's note on its origin."""
    from gan_jax.storage import provenance

    found = provenance.inspect(file)
    if found is None:
        print(f"{file} says nothing of its origin, which proves nothing: such a note is easily removed")
        return
    synthetic = found["digital_source_type"] == provenance.SYNTHETIC
    source = printable(found["digital_source_type"])
    print(f"{file} says that {'it is synthetic' if synthetic else 'its source is'}: {source}")
    for name, value in found.items():
        if name != "digital_source_type":
            print(f"{name:10}  {printable(value)}")


def printable(value: object) -> str:
    """Replaces characters that could control a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(value))
