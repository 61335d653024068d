"""What a loader found in a folder of the user's, what it skipped, and why. Nothing is left out in silence."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")

log = logging.getLogger(__name__)  # commands turn it off, and tell the same with the run's skipped.txt
HIDDEN = {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "Thumbs.db", "desktop.ini"}  # and all that begins with a dot


class Unusable(ValueError):
    """A file that can't be used; the message is the reason, in a few words."""


class Skipped(NamedTuple):
    what: str  # a file below the folder, or a part of one
    why: str


class Listing(NamedTuple):
    """The files below a folder that are of a kind by their names, in order of these."""

    root: Path
    files: list[Path]
    ignored: Counter[str]  # endings of the other files, in lower case, and how many have each


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
            some = "; ".join(f"{what}: {why}" for what, why in self.skipped[:2]) + " ..." * (len(self.skipped) > 2)
            parts.append(f"{len(self.skipped):,} skipped ({f'why: {reasons}' if reasons else some})")
        if self.ignored:
            kinds = ", ".join(
                f"{count:,} {ending or 'without an ending'}" for ending, count in self.ignored.most_common()
            )
            parts.append(f"{self.ignored.total():,} other files ignored ({kinds})")
        return ", ".join(parts)

    def told(self, root: Path) -> "Found":
        """Itself, after a warning of what isn't used."""
        if self.skipped or self.ignored:
            log.warning("%s: %s", root, self.line())
        return self


def find(root: Path, suffixes: set[str], kind: str) -> Listing:
    """The files of a kind below a folder. Links are followed, each folder is entered once; hidden ones are passed over.

    Raises:
      FileNotFoundError: no such folder.
      ValueError: it holds none.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is no folder: name the folder that holds your {kind}")
    files = sorted(walk(root))
    found = [file for file in files if file.suffix.lower() in suffixes]
    ignored = Counter(file.suffix.lower() for file in files if file.suffix.lower() not in suffixes)
    if not found:
        others = f" (it holds {Found('', (), ignored).line().removeprefix(', ')})" if ignored else ""
        raise ValueError(f"{root} holds no {kind}{others}: put {', '.join(sorted(suffixes))} files there")
    return Listing(root, found, ignored)


def walk(root: Path) -> Iterator[Path]:
    """Every file below a folder that isn't hidden."""
    entered = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        real = os.stat(folder)
        if (real.st_dev, real.st_ino) in entered:
            folders.clear()
            continue
        entered.add((real.st_dev, real.st_ino))
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield from (file for name in names if not is_hidden(name) and (file := Path(folder, name)).is_file())


def is_hidden(name: str) -> bool:
    return name.startswith(".") or name in HIDDEN


def read_each(
    items: Sequence[Item], read: Callable[[Item], Value], called: Callable[[Item], str]
) -> tuple[list[Item], list[Value], list[Skipped]]:
    """Reads all, in threads: the items that could be read, what they hold, and the others with their reasons.

    called: an item's name in the list of what is skipped.

    Raises:
      ModuleNotFoundError: reading needs a package that isn't installed.
    """

    def attempt(item: Item) -> Value | Skipped:
        try:
            return read(item)
        except ModuleNotFoundError:
            raise
        except Exception as error:  # a broken file can raise anything
            return Skipped(called(item), reason_of(error))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results: list[Any] = list(pool.map(attempt, items))
    good = [(item, result) for item, result in zip(items, results) if not isinstance(result, Skipped)]
    bad = [result for result in results if isinstance(result, Skipped)]
    return [item for item, _ in good], [result for _, result in good], bad


def reason_of(error: Exception) -> str:
    """One line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, Unusable) else f"{type(error).__name__}: {text}" if text else type(error).__name__


def printable(path: Path | str) -> str:
    """A name that may hold bytes that aren't UTF-8, or line breaks, as it can be written down."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
