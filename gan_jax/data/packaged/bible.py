"""The New Testament in the King James version, kept in the package: English with nothing to download."""

import importlib.resources
import lzma
import re

from gan_jax.data.lines import Text, blank_text, tenth_held_out, windows_of
from gan_jax.data.memory import remembered

ALPHABET = " ethaonisrdlumwfycgbpvkjxzq"  # the most frequent letter first


@remembered(Text)
def new_testament(*, length: int = 32) -> Text:
    """Windows of its 7,957 verses, in small letters and spaces alone (see bible/README.md). Every tenth is "test"."""
    if made := blank_text(length, ALPHABET):
        return made
    verses = [re.sub("[^a-z ]", "", verse.lower()) for verse in load()]
    name = "New Testament"
    return windows_of(tenth_held_out(verses), "train", name, where=name, length=length, alphabet=ALPHABET, limit=2**30)


def load() -> list[str]:
    """The verses, as they are printed."""
    file = importlib.resources.files("gan_jax.data.packaged") / "bible" / "new_testament.txt.xz"
    return lzma.decompress(file.read_bytes()).decode("ascii").splitlines()
