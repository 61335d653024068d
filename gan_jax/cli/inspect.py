"""`gan-jax inspect`: a file's note on its origin."""

from pathlib import Path

from tyro.conf import Positional

from gan_jax.cli.terminal import bad_input


def inspect(file: Positional[Path]) -> None:
    """Print a file's note on its origin: whether it is synthetic, and which model made it.

    Args:
      file: A file that `gan-jax sample` wrote, or any PNG, GIF, MP4, WAV, FLAC or GLB.
    """
    from gan_jax.storage import provenance

    with bad_input():
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
