"""Reports of what a loader found in a user's folder, what it skipped, and why. Nothing is skipped silently."""

import logging
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)  # commands turn it off, and report the same with the run's skipped.txt

NAMED = 5  # endings or folders, in one line
LONGEST = 200  # characters of a name or a reason, in one line


class Unusable(ValueError):
    """A file that can't be used; the message is a short reason."""


class Skipped(NamedTuple):
    """Something that can't be used.

    Attributes:
      what: A file below the folder, or a part of one.
      why: The reason.
    """

    what: str
    why: str


class Found(NamedTuple):
    """What a loader found.

    Attributes:
      used: The examples, as "12 images in 2 classes".
      skipped: Files that can't be used, with reasons.
      ignored: The number of other files by ending.
    """

    used: str
    skipped: tuple[Skipped, ...] = ()
    ignored: Counter[str] = Counter()  # noqa: RUF012 - never written to

    def line(self, reasons: str = "") -> str:
        """One line of what is used, how much is skipped, and other files by ending.

        Args:
          reasons: The file that holds all reasons; without it the line gives the first two.
        """
        parts = [self.used]
        if self.skipped:
            first = [printable(f"{abridged(what)}: {abridged(why)}") for what, why in self.skipped[:2]]
            some = "; ".join(first) + " ..." * (len(self.skipped) > 2)
            parts.append(f"{len(self.skipped):,} skipped ({f'why: {reasons}' if reasons else some})")
        if self.ignored:
            kinds = [
                f"{count:,} {printable(abridged(ending)) or 'without an ending'}"
                for ending, count in self.ignored.most_common()
            ]
            named = first_of(kinds, "other endings")
            parts.append(f"{counted(self.ignored.total(), 'other files')} ignored ({named})")
        return ", ".join(parts)

    def announced(self, root: Path | str) -> "Found":
        """Warns of files that aren't used, and returns itself."""
        if self.skipped or self.ignored:
            log.warning("%s: %s", printable(root), self.line())
        return self


def reason_of(error: Exception) -> str:
    """One line of an error's reason."""
    text = printable(" ".join(str(error).split()))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return text if isinstance(error, Unusable) else f"{type(error).__name__}: {text}" if text else type(error).__name__


def counted(number: int, kind: str, classes: int = 0) -> str:
    """Formats as "12 images in 2 classes", or "1 image"; `kind` is a plural."""
    found = f"{number:,} {kind if number != 1 else re.sub('(?<=sh|ss)es$|s$', '', kind)}"
    return f"{found} in {counted(classes, 'classes')}" if classes else found


def first_of(names: Sequence[str], others: str) -> str:
    """Formats as "a, b, c, d, e and 12 others", with at most five names; `others` is a plural."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {counted(more, others)}" if more > 0 else "")


def abridged(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def printable(path: Path | str) -> str:
    """Escapes bytes that aren't UTF-8, and line breaks, in a name."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
