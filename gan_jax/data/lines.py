"""Text as lines of one length: one row per character, with a one at the character's place in the alphabet.

The examples are windows. One begins at each word of a line, holds as many whole words as fit, and ends in spaces; once
a window reaches the end of a line, no more begin in it. So a line that fits is one example, and a long one gives about
as many as it has words. A word longer than a window, as in DNA and in languages without spaces, is cut into consecutive
windows; the last ends where the word does. (The paper's code takes only the first 32 characters of each line, which
would leave little of a small text.)
"""

import functools
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gan_jax.data.found import Found, Skipped, counted, printable
from gan_jax.data.memory import blank
from gan_jax.data.source import Source, digest, on_device
from gan_jax.errors import UserError
from gan_jax.types import Batch

ANY = "".join(map(chr, range(0xE000, 0xE0FF)))  # as many characters as an alphabet may have beside the space
UNREAD = " \ufffd"  # not counted for the alphabet: the space, and the mark of a byte that can't be decoded


class Line(NamedTuple):
    number: int  # from 1
    written: str


class Text(NamedTuple):
    """Lines, and what a View or a Measure needs to know about them.

    Attributes:
      source: The data set; examples are one-hot [length, V], float32.
      alphabet: The V characters in order of their columns; the first is the space.
      words: All words of the text, split at spaces, with their punctuation.
    """

    source: Source
    alphabet: str
    words: frozenset[str]


def tenth_held_out(lines: list[str]) -> Callable[[str], list[Line]]:
    """Returns a function from a split's name to its lines: every tenth that isn't blank is in "test"."""
    there = [Line(number, line) for number, line in enumerate(lines, 1) if line.strip()]

    def read(split: str) -> list[Line]:
        if split not in ("train", "test"):
            raise UserError(f"the text has no split {split!r}: it has train and test")
        if split == "test" and 0 < len(there) < 10:
            raise UserError(f"every tenth line is held out as test, and there are {len(there)}: give 10 lines or more")
        return [line for place, line in enumerate(there) if (place % 10 == 9) == (split == "test")]

    return read


def windows_of(
    read: Callable[[str], list[Line]],
    split: str,
    name: str,
    *,
    where: Path | str,
    length: int,
    alphabet: str | int,
    limit: int,
) -> Text:
    """The windows of one split of a text; other splits of the source have the same alphabet.

    Args:
      read: Maps the name of a split to its lines.
      split: The split.
      name: The text's name in protocols.
      where: Its name in warnings and errors.
      length: Characters in a window.
      alphabet: The characters, or the number of most frequent ones to take, with the space.
      limit: Bytes that the windows may take.
    """
    check_length(length)
    called = f"{where} {split}"
    lines = [Line(number, line) for number, written in read(split) if (line := tidy(written))]
    if not lines:
        raise UserError(f"{called}: it holds no words; give a text that has some")
    characters = alphabet_of([line.written for line in lines], alphabet)
    written, skipped = keep_written_in(characters, lines, called)
    tokens = windows(written, characters, length, called, limit)
    found = Found(f"{counted(len(tokens), 'windows')} of {counted(len(written), 'lines')}", tuple(skipped))
    hashed = digest(characters.encode() + tokens.tobytes())
    source = on_device(
        tokens,
        name=f"{name} {split}, {len(tokens)} lines of {length} of {len(characters)} characters, sha256 {hashed}",
        decode=functools.partial(jax.nn.one_hot, num_classes=len(characters)),
    )

    def part(other: str) -> Source:
        whole = split.split("[")[0]  # of train[:2%], "train" is that part
        taken = split if other == whole else other
        return windows_of(read, taken, name, where=where, length=length, alphabet=characters, limit=limit).source

    words = frozenset(word for line in written for word in line.split(" "))
    return Text(source._replace(split=part, found=found.announced(called)), characters, words)


def blank_text(length: int, alphabet: str | int) -> Text | None:
    """Inside `memory.planning`, a Text without lines; None elsewhere.

    If the alphabet is a number, it is taken to be full, though a text of fewer characters has a smaller one.
    """
    check_length(length)
    characters = alphabet_of([ANY], alphabet)
    source = blank(Batch(jax.ShapeDtypeStruct((length, len(characters)), jnp.float32)))
    return source and Text(source, characters, frozenset())


def check_length(length: int) -> None:
    if length < 1:
        raise UserError(f"lines of {length} characters: length must be 1 or more")


def tidy(line: str) -> str:
    """Normalises a line: one space between words, and accents in one form."""
    return " ".join(unicodedata.normalize("NFC", line).split())


def composed(alphabet: str | int) -> str | int:
    """A user's alphabet with accents in the form that `tidy` gives lines."""
    return unicodedata.normalize("NFC", alphabet) if isinstance(alphabet, str) else alphabet


def alphabet_of(lines: list[str], wanted: str | int) -> str:
    """The space, followed by the characters wanted, or by the most frequent ones up to this number with the space."""
    if isinstance(wanted, str):
        found = list(dict.fromkeys(wanted.replace(" ", "")))
    else:
        counts = Counter(character for line in lines for character in line if character not in UNREAD)
        found = sorted(counts, key=lambda character: (-counts[character], character))[: max(wanted - 1, 0)]
    if not 1 <= len(found) <= 255:
        raise UserError(f"an alphabet of {len(found)} characters beside the space: give one of 1 to 255")
    return " " + "".join(found)


def keep_written_in(alphabet: str, lines: list[Line], called: str) -> tuple[list[str], list[Skipped]]:
    """The lines that hold no other characters, and the reasons for skipping the rest."""
    others = [sorted(set(line.written).difference(alphabet)) for line in lines]
    kept = [line.written for line, other in zip(lines, others) if not other]
    if not kept:
        strange = sorted(set().union(*others))
        raise UserError(
            f"{called}: each of its {len(lines)} lines has characters outside the alphabet of {len(alphabet)}: give a "
            f"larger one, for {abridged(strange)}"
        )
    skipped = [
        Skipped(f"line {line.number}", f"characters outside the alphabet: {abridged(other)}")
        for line, other in zip(lines, others)
        if other
    ]
    return kept, skipped


def abridged(characters: list[str]) -> str:
    return printable("".join(characters[:40])) + " ..." * (len(characters) > 40)


def windows(lines: list[str], alphabet: str, length: int, called: str, limit: int) -> NDArray[np.uint8]:
    """Each window of the lines as places in the alphabet [N, length]."""
    written = np.frombuffer("\n".join(["", *lines, ""]).encode("utf-32-le"), np.uint32)
    between, newline = (written == ord(" ")) | (written == ord("\n")), np.flatnonzero(written == ord("\n"))
    starts = np.flatnonzero(between[:-1] & ~between[1:]) + 1
    ends = np.flatnonzero(~between[:-1] & between[1:]) + 1
    pieces = np.maximum(-(-(ends - starts) // length), 1)  # windows that begin in each word
    number = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    is_long, last = np.repeat(pieces > 1, pieces), np.repeat(ends, pieces) - length
    starts = np.repeat(starts, pieces) + number * length
    starts = np.where(is_long, np.minimum(starts, last), starts)
    line_ends = newline[np.searchsorted(newline, starts)]
    reach = ends[np.searchsorted(ends, starts + length, "right") - 1]  # the last word that ends within the window
    reach = np.where(is_long, starts + length, np.minimum(line_ends, reach))
    follows = np.r_[False, (line_ends[1:] == line_ends[:-1]) & (reach[:-1] == line_ends[:-1])]
    starts, reach = starts[~follows], reach[~follows]
    if len(starts) * length > limit:
        raise UserError(
            f"{called}: {len(starts)} windows of {length} characters are more than {limit} bytes: take a part of it"
        )
    place = np.zeros(max(map(ord, alphabet)) + 1, np.uint8)
    place[[ord(character) for character in alphabet]] = np.arange(len(alphabet))
    found = np.zeros((len(starts), length), np.uint8)
    for column in range(length):
        inside = starts + column < reach
        found[inside, column] = place[written[(starts + column)[inside]]]
    return found
