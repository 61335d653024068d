"""What a loader found in a folder of the user's, what it skipped, and why. Nothing is left out in silence."""

import logging
import os
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")

log = logging.getLogger(__name__)  # commands turn it off, and tell the same with the run's skipped.txt
notes = logging.getLogger("gan_jax.data")  # what commands don't tell by themselves
HIDDEN = {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "Thumbs.db", "desktop.ini"}  # and all that begins with a dot

NAMED = 5  # endings or folders, in one line
LONGEST = 200  # characters of a name or a reason, in one line


class Unusable(ValueError):
    """A file that can't be used; the message is the reason, in a few words."""


class Skipped(NamedTuple):
    what: str  # a file below the folder, or a part of one
    why: str


class Listing(NamedTuple):
    """The files below a folder that are of a kind by their names, in order of these.

    ignored: the endings of the other files, in lower case, and how many have each.
    skipped: folders that can't be opened or were entered before, and links that lead nowhere or above the folder.
    """

    root: Path
    files: list[Path]
    ignored: Counter[str]
    skipped: tuple[Skipped, ...] = ()


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


def find(root: Path, suffixes: Collection[str], kind: str, recognised: Callable[[Path], bool] | None = None) -> Listing:
    """The files of a kind below a folder. Links are followed, each folder is entered once; hidden ones are passed over.

    recognised: whether a file without an ending is of the kind, by what it holds; None: it isn't.

    Raises:
      FileNotFoundError: no such folder.
      ValueError: it holds none.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"{printable(root)} is no folder: name the folder that holds your {kind}")
    skipped: list[Skipped] = []
    files = sorted(walk(root, skipped))

    def wanted(file: Path) -> bool:
        return file.suffix.lower() in suffixes or bool(recognised and not file.suffix and recognised(file))

    found = [file for file in files if wanted(file)]
    ignored = Counter(file.suffix.lower() for file in sorted(set(files).difference(found)))
    if not found:
        others = Found("", tuple(sorted(skipped)), ignored).line().removeprefix(", ").replace(" ignored", "")
        raise ValueError(
            f"{printable(root)} holds no {kind}{f', only {others}' if others else ''}: put "
            f"{', '.join(list(suffixes)[:8])}{' ...' * (len(suffixes) > 8)} files there"
        )
    return Listing(root, found, ignored, tuple(sorted(skipped)))


def walk(root: Path, skipped: list[Skipped]) -> Iterator[Path]:
    """Every file below a folder that isn't hidden. What can't be entered or leads nowhere is added to `skipped`.

    Links to folders are followed last, the highest first, so that a folder below the root is read in its own place.
    """

    def skip(path: str | Path, why: str) -> None:
        skipped.append(Skipped(below(root, path), why))

    above = root.resolve().parents
    entered: set[tuple[int, int]] = set()
    starts = [root]
    while starts:
        start = starts.pop(0)
        if start != root and start.resolve() in above:
            skip(start, "leads above the folder")
            continue
        for folder, folders, names in os.walk(
            start, onerror=lambda error: skip(error.filename, reason_of(error)), followlinks=True
        ):
            real = os.stat(folder)
            if (real.st_dev, real.st_ino) in entered:
                skip(folder, "leads to a folder that is read already")
                folders.clear()
                continue
            entered.add((real.st_dev, real.st_ino))
            inner = [Path(folder, name) for name in sorted(folders) if not is_hidden(name)]
            folders[:] = [path.name for path in inner if not path.is_symlink()]
            starts += [path for path in inner if path.is_symlink()]
            for file in (Path(folder, name) for name in names if not is_hidden(name)):
                if file.is_file():
                    yield file
                else:
                    skip(file, "leads nowhere" if file.is_symlink() else "is no file")
        starts.sort(key=lambda link: (len(link.parts), link))


def is_hidden(name: str) -> bool:
    return name.startswith(".") or name in HIDDEN


def read_each(
    items: Sequence[Item], read: Callable[[Item], Value], called: Callable[[Item], str]
) -> tuple[list[Item], list[Value], list[Skipped]]:
    """Reads all, in threads: the items that could be read, what they hold, and the others with their reasons.

    On a terminal a bar shows how far it is, where that takes long.

    called: an item's name in the list of what is skipped.

    Raises:
      ModuleNotFoundError: reading needs a package that isn't installed.
    """
    from tqdm import tqdm

    def attempt(item: Item) -> Value | Skipped:
        try:
            return read(item)
        except ModuleNotFoundError:
            raise
        except Exception as error:  # a broken file can raise anything
            return Skipped(called(item), reason_of(error))

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = tqdm(pool.map(attempt, items), "reading", len(items), leave=False, delay=2, disable=None)
        results: list[Any] = list(done)
    good = [(item, result) for item, result in zip(items, results) if not isinstance(result, Skipped)]
    bad = [result for result in results if isinstance(result, Skipped)]
    return [item for item, _ in good], [result for _, result in good], bad


def reason_of(error: Exception) -> str:
    """One line."""
    text = printable(" ".join(str(error).split()))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return text if isinstance(error, Unusable) else f"{type(error).__name__}: {text}" if text else type(error).__name__


def check_some(listing: Listing, used: Sequence[Any], skipped: Sequence[Skipped], kind: str) -> None:
    """Raises ValueError, with reasons, if nothing can be used."""
    if not used:
        why = Found("", tuple(skipped)).line().removeprefix(", ")
        raise ValueError(f"{printable(listing.root)} holds no {kind} that can be used: {why}")


def check_in_folders(listing: Listing) -> None:
    """Raises ValueError if a file lies in no folder that could name its class."""
    loose = [file.name for file in listing.files if file.parent == listing.root]
    if loose:
        raise ValueError(
            f"{printable(loose[0])} lies in {printable(listing.root)} itself, so it has no label: move it to a folder, "
            "or go without labels"
        )


def classes_of(listing: Listing, used: Sequence[Path], kind: str) -> tuple[list[str], list[int]]:
    """The names of the classes, which are the folders directly in the root, and the number of each file's class.

    Folders of which nothing is used are no classes, and a warning names them. Another warns of a single class.
    """
    root = listing.root
    own = [file.relative_to(root).parts[0] for file in used]
    names = sorted(set(own))
    folders = {child.name for child in root.iterdir() if child.is_dir() and not is_hidden(child.name)}
    if empty := sorted(folders.difference(names)):
        called = first_of([printable(name) for name in empty], "others")
        notes.warning("%s: no classes, since they hold no %s that can be used: %s", printable(root), kind, called)
    if len(names) == 1:
        only = root / names[0]
        notes.warning("%s: all %s are of one class, %s: if the classes are the folders in %s, name that one instead",
                       printable(root), kind, printable(names[0]), printable(only))  # fmt: skip
    numbers = {name: number for number, name in enumerate(names)}
    return names, [numbers[name] for name in own]


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


def below(root: Path, path: Path | str) -> str:
    """The name of something in a folder, as it can be written down."""
    return printable(os.path.relpath(path, root))


def printable(path: Path | str) -> str:
    """A name that may hold bytes that aren't UTF-8, or line breaks, as it can be written down."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
