"""The New Testament in the King James Version, kept in the package: English with nothing to download."""

import importlib.resources
import lzma
import re

from gan_jax.data.lines import Text, blank_text, tenth_held_out, windows_of
from gan_jax.data.memory import remembered

ALPHABET = " ethaonisrdlumwfycgbpvkjxzq"  # the most frequent letter first


@remembered(Text)
def new_testament(*, length: int = 32) -> Text:
    """Load windows of the New Testament's 7,957 verses, in lower-case letters and spaces (see bible/README.md).

    Every tenth verse is in the split "test".

    Args:
      length: Characters in a window.
    """
    if made := blank_text(length, ALPHABET):
        return made
    verses = [re.sub("[^a-z ]", "", verse.lower()) for verse in load()]
    name = "New Testament"
    loaded = windows_of(
        tenth_held_out(verses), "train", name, where=name, length=length, alphabet=ALPHABET, limit=2**30
    )
    return loaded._replace(source=loaded.source._replace(licence="public domain"))


def load() -> list[str]:
    """The verses, as printed."""
    file = importlib.resources.files("gan_jax.data.packaged") / "bible" / "new_testament.txt.xz"
    return lzma.decompress(file.read_bytes()).decode("ascii").splitlines()
