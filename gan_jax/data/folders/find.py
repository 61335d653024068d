"""Finds and reads the user's files. Files that can't be used are skipped with a reason, never silently."""

import logging
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from gan_jax.data.found import Found, Skipped, first_of, printable, reason_of
from gan_jax.errors import Missing, UserError

Item = TypeVar("Item")
Value = TypeVar("Value")

notes = logging.getLogger("gan_jax.data")  # for warnings that commands don't report themselves
HIDDEN = {"__MACOSX", "@eaDir", "$RECYCLE.BIN", "Thumbs.db", "desktop.ini"}  # and names that begin with a dot


class Listing(NamedTuple):
    """The files of one kind below a folder.

    Attributes:
      root: The folder.
      files: The files, in order of name.
      ignored: The number of other files by ending, in lower case.
      skipped: Folders that can't be opened or were already entered, and links that lead nowhere or above the folder.
    """

    root: Path
    files: list[Path]
    ignored: Counter[str]
    skipped: tuple[Skipped, ...] = ()


def find(root: Path, suffixes: Collection[str], kind: str, recognised: Callable[[Path], bool] | None = None) -> Listing:
    """Finds the files of a kind below a folder. It follows links, enters each folder once, and ignores hidden names.

    Args:
      root: The folder.
      suffixes: Endings of the kind, in lower case.
      kind: The kind in errors, a plural.
      recognised: Tells by content whether a file without an ending is of the kind; None: it isn't.

    Raises:
      FileNotFoundError: There is no such folder.
      ValueError: It holds no such file.
    """
    if not root.is_dir():
        raise Missing(f"{printable(root)} isn't a folder: name the folder that holds your {kind}")
    skipped: list[Skipped] = []
    files = sorted(walk(root, skipped))

    def wanted(file: Path) -> bool:
        return file.suffix.lower() in suffixes or bool(recognised and not file.suffix and recognised(file))

    found = [file for file in files if wanted(file)]
    ignored = Counter(file.suffix.lower() for file in sorted(set(files).difference(found)))
    if not found:
        others = Found("", tuple(sorted(skipped)), ignored).line().removeprefix(", ").replace(" ignored", "")
        raise UserError(
            f"{printable(root)} holds no {kind}{f', only {others}' if others else ''}: put "
            f"{', '.join(list(suffixes)[:8])}{' ...' * (len(suffixes) > 8)} files there"
        )
    return Listing(root, found, ignored, tuple(sorted(skipped)))


def walk(root: Path, skipped: list[Skipped]) -> Iterator[Path]:
    """Yields every file below a folder that isn't hidden, and adds whatever can't be entered to `skipped`.

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
    """Reads items in threads; returns those that could be read, their values, and the others with reasons.

    On a terminal a bar shows the progress if it takes long.

    Args:
      items: Things to read.
      read: Reads one; any error skips the item.
      called: An item's name in the list of skipped ones.

    Raises:
      ModuleNotFoundError: Reading needs a package that isn't installed.
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


def check_some(listing: Listing, used: Sequence[Any], skipped: Sequence[Skipped], kind: str) -> None:
    """Raises ValueError, with reasons, if nothing is usable."""
    if not used:
        why = Found("", tuple(skipped)).line().removeprefix(", ")
        raise UserError(f"{printable(listing.root)} holds no {kind} that can be used: {why}")


def check_in_folders(listing: Listing) -> None:
    """Raises ValueError if a file isn't in a folder that could name its class."""
    loose = [file.name for file in listing.files if file.parent == listing.root]
    if loose:
        raise UserError(
            f"{printable(loose[0])} lies in {printable(listing.root)} itself, so it has no label: move it to a folder, "
            "or go without labels"
        )


def classes_of(listing: Listing, used: Sequence[Path], kind: str) -> tuple[list[str], list[int]]:
    """The names of the classes, which are the folders directly in the root, and the index of each file's class.

    Folders without usable files are not classes, and a warning names them. Another warns of a single class.
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


def below(root: Path, path: Path | str) -> str:
    """The printable name of something in a folder, relative to it."""
    return printable(os.path.relpath(path, root))
