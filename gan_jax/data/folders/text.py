"""A text file of the user's own."""

import codecs
import os
from pathlib import Path

from gan_jax.data.found import counted
from gan_jax.data.lines import Text, blank_text, composed, tenth_held_out, windows_of
from gan_jax.data.memory import remembered
from gan_jax.errors import Missing, UserError

MARKS = {  # byte order marks, the longer before the shorter
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


@remembered(Text)
def text(
    path: str | os.PathLike, *, length: int = 32, alphabet: str | int = 64, lower: bool = False, limit: int = 2**30
) -> Text:
    """Load windows of a text file of your own, such as prose, verses or a list of names.

    The file is in UTF-8, or in UTF-16 or UTF-32 with a byte order mark. Blank lines don't count, and any white space is
    one space. Every tenth line is in the split "test".

    Args:
      path: The file.
      length: Characters in a window.
      alphabet: The characters, or the number of most frequent ones to take, with the space. Lines with others are
        skipped, and `found` lists them.
      lower: Whether to convert to lower case.
      limit: Bytes that the windows may take on the device.

    Returns:
      A Text: its source of one-hot lines [length, V], its alphabet of V characters, and its words.

    Raises:
      FileNotFoundError: There is no such file.
      ValueError: It isn't text, no line is usable, or the windows take more than `limit`.
    """
    alphabet = composed(alphabet)
    if made := blank_text(length, alphabet):
        return made
    path = Path(path).expanduser()
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "no such file"
        raise Missing(f"{path}: {what}; name a text file of your own")
    written = read_text(path)
    lines = (written.lower() if lower else written).splitlines()
    read = tenth_held_out(lines)
    made = windows_of(read, "train", "text", where=path, length=length, alphabet=alphabet, limit=limit)
    held_out, found = sum(map(bool, map(str.strip, lines))) // 10, made.source.found
    if held_out and found:
        found = found._replace(used=f"{found.used}, {counted(held_out, 'more lines')} held out as test")
    return made._replace(source=made.source._replace(found=found))


def read_text(path: Path) -> str:
    """Reads a file. Raises ValueError if it isn't text in a known coding."""
    data = path.read_bytes()
    coding = next((coding for mark, coding in MARKS.items() if data.startswith(mark)), "utf-8-sig")
    try:
        written = data.decode(coding)
    except UnicodeDecodeError as error:
        called = coding.removesuffix("-sig").upper()
        raise UserError(
            f"{path} isn't text in {called} ({error}): convert it, as by iconv -f CODING -t utf-8"
        ) from error
    if "\0" in written:
        line = written[: written.index("\0")].count("\n") + 1
        raise UserError(f"{path} isn't text: line {line} holds a zero byte; if it's UTF-16, convert it to UTF-8")
    return written
