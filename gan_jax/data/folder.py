"""A folder of the user's own images."""

import contextlib
import logging
import os
import pathlib
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from gan_jax.data.images import square
from gan_jax.data.memory import remembered
from gan_jax.data.source import Source, described, digest, image_example, on_device
from gan_jax.data.stream import streamed
from gan_jax.types import Batch, T

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}


@remembered(Source)
def folder(
    path: str | os.PathLike, *, size: int, channels: int = 3, labels: bool = False, limit: int = 2**30
) -> Source:
    """Every image below `path`, in order of its name, cropped to the middle square and resized.

    channels: 1 for grey, 3 for RGB.
    labels: whether the folders directly in `path` are the classes, in order of their names.
    limit: bytes of pixels that may live on the device; more are read and decoded as they are needed.
    Unreadable images are skipped, and a warning counts them.
    """
    if channels not in (1, 3) or size < 1:
        raise ValueError(f"no images of size {size} with {channels} channels: use a size >= 1 and 1 or 3")
    root = pathlib.Path(path).expanduser()
    files = find(root)
    names = class_names(root, files) if labels else []

    def label(file: pathlib.Path) -> int | None:
        return names.index(file.relative_to(root).parts[0]) if labels else None

    if len(files) * size * size * channels <= limit:
        pixels = decode_all(files, size, channels)
        files = keep_readable(root, files, [p is not None for p in pixels])
        images = np.stack([p for p in pixels if p is not None])
        given = np.array([label(f) for f in files]) if labels else None
        return on_device(images, given, classes=len(names), name=f"folder {root.name}, {described(images)}")

    def decode(file: pathlib.Path) -> Batch:
        return Batch(read(file, size, channels), label(file))

    files = keep_readable(root, files, [opens(file) for file in files])
    example = image_example((size, size, channels), labelled=labels)
    listed = "\n".join(f"{file.relative_to(root)} {file.stat().st_size}" for file in files)
    name = f"folder {root.name}, {len(files)} images of {size}x{size}x{channels}, sha256 of names and sizes"
    return streamed(files, decode, example, classes=len(names))._replace(name=f"{name} {digest(listed.encode())}")


def find(root: pathlib.Path, suffixes: set[str] = SUFFIXES, kind: str = "images") -> list[pathlib.Path]:
    """The files below `root` that are of a kind by their names."""
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is no folder: name the folder that holds your {kind}")
    files = sorted(file for file in root.rglob("*") if file.suffix.lower() in suffixes and file.is_file())
    if not files:
        raise ValueError(f"{root} holds no {kind}: put {', '.join(sorted(suffixes))} files there")
    return files


def class_names(root: pathlib.Path, files: list[pathlib.Path]) -> list[str]:
    loose = [file.name for file in files if file.parent == root]
    if loose:
        raise ValueError(
            f"{loose[0]} lies in {root} itself, so it has no label: move it to a folder, or go without labels"
        )
    return sorted({file.relative_to(root).parts[0] for file in files})


def decode_all(files: list[pathlib.Path], size: int, channels: int) -> list[np.ndarray | None]:
    def try_read(file: pathlib.Path) -> np.ndarray | None:
        try:
            return read(file, size, channels)
        except Exception:  # a broken file can raise anything
            return None

    with bombs_are_errors(), ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes without the GIL
        return list(pool.map(try_read, files))


def read(file: pathlib.Path, size: int, channels: int) -> np.ndarray:
    """[size, size, channels] uint8."""
    from PIL import Image

    with Image.open(file) as image:
        return square(image, size, channels)


def opens(file: pathlib.Path) -> bool:
    """Whether the header, at least, can be read."""
    from PIL import Image

    with bombs_are_errors(), contextlib.suppress(Exception), Image.open(file):
        return True
    return False


@contextlib.contextmanager
def bombs_are_errors() -> Iterator[None]:
    """Has Pillow refuse images so large (90 million pixels) that they may be decompression bombs."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def keep_readable(
    root: pathlib.Path, found: list[T], readable: list[bool], kind: str = "images", why: str = "can't be read"
) -> list[T]:
    """Those of `found`, which are files or parts of files, that can be used; a warning counts the others."""
    broken = [one for one, good in zip(found, readable) if not good]
    if len(broken) == len(found):
        raise ValueError(f"all {len(found)} {kind} in {root} {why}: are they whole?")
    if broken:
        logging.warning("%s: %d of %d %s %s, and are skipped: %s%s",
                        root, len(broken), len(found), kind, why, broken[0], " ..." if broken[1:] else "")  # fmt: skip
    return [one for one, good in zip(found, readable) if good]
