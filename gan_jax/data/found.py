"""What a loader found in a folder of the user's, what it skipped, and why. Nothing is left out in silence."""

import logging
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)  # commands turn it off, and tell the same with the run's skipped.txt

NAMED = 5  # endings or folders, in one line
LONGEST = 200  # characters of a name or a reason, in one line


class Unusable(ValueError):
    """A file that can't be used; the message is the reason, in a few words."""


class Skipped(NamedTuple):
    what: str  # a file below the folder, or a part of one
    why: str


class Found(NamedTuple):
    """used: what the examples are, as "12 images in 2 classes"."""

    used: str
    skipped: tuple[Skipped, ...] = ()
    ignored: Counter[str] = Counter()  # noqa: RUF012 - never written to

    def line(self, reasons: str = "") -> str:
        """One line: what is used, how much is skipped, and other files by their endings.

        reasons: where all reasons stand; without it the first two are named.
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

    def told(self, root: Path | str) -> "Found":
        """Itself, after a warning of what isn't used."""
        if self.skipped or self.ignored:
            log.warning("%s: %s", printable(root), self.line())
        return self


def reason_of(error: Exception) -> str:
    """One line."""
    text = printable(" ".join(str(error).split()))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return text if isinstance(error, Unusable) else f"{type(error).__name__}: {text}" if text else type(error).__name__


def counted(number: int, kind: str, classes: int = 0) -> str:
    """As "12 images in 2 classes", or "1 image"; `kind` is a plural."""
    found = f"{number:,} {kind if number != 1 else re.sub('(?<=sh|ss)es$|s$', '', kind)}"
    return f"{found} in {counted(classes, 'classes')}" if classes else found


def first_of(names: Sequence[str], others: str) -> str:
    """As "a, b, c, d, e and 12 others"; `others` is a plural, and at most five are named."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {counted(more, others)}" if more > 0 else "")


def abridged(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def printable(path: Path | str) -> str:
    """A name that may hold bytes that aren't UTF-8, or line breaks, as it can be written down."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
