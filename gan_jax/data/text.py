"""Text as lines of one length: a row a character, and in it a one at the character's place in the alphabet.

The examples are windows. One begins at each word of a line of the text, holds as many whole words as fit, and ends in
spaces; no more begin in a line once one has reached its end. So a line that fits is one example, and a long one gives
about as many as it has words. (The paper's code takes the first 32 characters of each line alone, which of a small text
would leave little.)
"""

import functools
import logging
import os
import pathlib
import unicodedata
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np
from numpy.typing import NDArray

from gan_jax.data.source import Source, digest, on_device


class Text(NamedTuple):
    """Lines, and what a View or a Measure has to know of them.

    source: examples one-hot [length, V], float32.
    alphabet: the V characters in order of their columns; the first is the space.
    words: all that stand between spaces in the text, punctuation included.
    """

    source: Source
    alphabet: str
    words: frozenset[str]


def text(
    path: str | os.PathLike, *, length: int = 32, alphabet: str | int = 64, lower: bool = False, limit: int = 2**30
) -> Text:
    """Windows of a UTF-8 text file of your own, such as prose, verses or a list of names. Every tenth line is "test".

    length: characters of a window.
    alphabet: the characters, or how many of the most frequent ones; lines that have others are skipped, and a warning
      counts them.
    lower: whether to put all in lower case.
    limit: bytes that the windows may take of the device.
    """
    path = pathlib.Path(path).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, or a folder; name a text file of your own")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no text in UTF-8 ({error}): convert it, as by iconv -f CODING -t utf-8") from error
    read = tenth_held_out([line.lower() for line in lines] if lower else lines)
    return windows_of(read, "train", f"text {path.name}", length=length, alphabet=alphabet, limit=limit)


def tenth_held_out(lines: list[str]) -> Callable[[str], list[str]]:
    """Returns the name of a split -> its lines: every tenth is of "test", the others of "train"."""

    def read(split: str) -> list[str]:
        if split not in ("train", "test"):
            raise ValueError(f"the text has no split {split!r}: it has train and test")
        return [line for number, line in enumerate(lines) if (number % 10 == 9) == (split == "test")]

    return read


def windows_of(
    read: Callable[[str], list[str]], split: str, name: str, *, length: int, alphabet: str | int, limit: int
) -> Text:
    """The windows of one split of a text.

    read: the name of a split -> its lines.
    name: of the text, for protocols.
    The other splits of the source have the same alphabet.
    """
    if length < 1:
        raise ValueError(f"lines of {length} characters: length must be 1 or more")
    called = f"{name} {split}"
    lines = [line for line in map(tidy, read(split)) if line]
    if not lines:
        raise ValueError(f"{called}: it holds no words; give a text that has some")
    characters = alphabet_of(lines, alphabet)
    lines = keep_written_in(characters, lines, called)
    tokens = windows(lines, characters, length, called, limit)
    source = on_device(
        tokens,
        name=f"{called}, {len(tokens)} lines of {length} of {len(characters)} characters, sha256 {digest(tokens.data)}",
        decode=functools.partial(jax.nn.one_hot, num_classes=len(characters)),
    )

    def part(other: str) -> Source:
        whole = split.split("[")[0]  # of train[:2%], "train" is that part
        return windows_of(
            read, split if other == whole else other, name, length=length, alphabet=characters, limit=limit
        ).source

    return Text(source._replace(split=part), characters, frozenset(word for line in lines for word in line.split(" ")))


def tidy(line: str) -> str:
    """Its words with one space between each, and its accents in one form."""
    return " ".join(unicodedata.normalize("NFC", line).split())


def alphabet_of(lines: list[str], wanted: str | int) -> str:
    """The space, and then the characters wanted, or the most frequent ones: so many with the space."""
    if isinstance(wanted, str):
        found = list(dict.fromkeys(wanted.replace(" ", "")))
    else:
        counts = Counter(character for line in lines for character in line if character != " ")
        found = sorted(counts, key=lambda character: (-counts[character], character))[: max(wanted - 1, 0)]
    if not 1 <= len(found) <= 255:
        raise ValueError(f"an alphabet of {len(found)} characters beside the space: give one of 1 to 255")
    return " " + "".join(found)


def keep_written_in(alphabet: str, lines: list[str], called: str) -> list[str]:
    others = [set(line) - set(alphabet) for line in lines]
    kept = [line for line, other in zip(lines, others) if not other]
    strange = "".join(sorted(set().union(*others)))
    some = strange[:40] + " ..." * (len(strange) > 40)
    if not kept:
        raise ValueError(
            f"{called}: each of its {len(lines)} lines has characters outside the alphabet of {len(alphabet)}: give a "
            f"larger one, for {some}"
        )
    if len(kept) < len(lines):
        logging.warning("%s: %d of %d lines have characters outside the alphabet, and are skipped: %s",
                        called, len(lines) - len(kept), len(lines), some)  # fmt: skip
    return kept


def windows(lines: list[str], alphabet: str, length: int, called: str, limit: int) -> NDArray[np.uint8]:
    """Each window of the lines as places in the alphabet [N, length]."""
    written = np.frombuffer("\n".join(["", *lines, ""]).encode("utf-32-le"), np.uint32)
    between, newline = (written == ord(" ")) | (written == ord("\n")), np.flatnonzero(written == ord("\n"))
    starts = np.flatnonzero(between[:-1] & ~between[1:]) + 1
    ends = np.flatnonzero(~between[:-1] & between[1:]) + 1
    line_ends = newline[np.searchsorted(newline, starts)]
    fits = np.searchsorted(ends, starts + length, "right") - 1  # the last word that ends within the window; -1: none
    reach = np.minimum(line_ends, np.where(fits >= 0, ends[fits], 0))
    follows = np.r_[False, (line_ends[1:] == line_ends[:-1]) & (reach[:-1] == line_ends[:-1])]
    chosen = (reach > starts) & ~follows
    starts, reach = starts[chosen], reach[chosen]
    if not len(starts):
        raise ValueError(f"{called}: no word of its {len(lines)} lines has {length} characters or fewer: give a length")
    if len(starts) * length > limit:
        raise ValueError(
            f"{called}: {len(starts)} windows of {length} characters are more than {limit} bytes: take a part of it"
        )
    place = np.zeros(max(map(ord, alphabet)) + 1, np.uint8)
    place[[ord(character) for character in alphabet]] = np.arange(len(alphabet))
    found = np.zeros((len(starts), length), np.uint8)
    for column in range(length):
        inside = starts + column < reach
        found[inside, column] = place[written[(starts + column)[inside]]]
    return found
