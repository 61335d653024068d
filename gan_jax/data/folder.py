"""A folder of the user's own images."""

import contextlib
import logging
import os
import pathlib
import warnings
from collections.abc import Callable, Iterator

import numpy as np

from gan_jax.data import found
from gan_jax.data.checked import check_each
from gan_jax.data.image_files import endings, is_image, large_images_are_read, opened
from gan_jax.data.images import square
from gan_jax.data.source import Source, image_example, on_device
from gan_jax.data.stream import names_and_sizes, streamed
from gan_jax.types import Batch, T


@large_images_are_read()
def folder(
    path: str | os.PathLike, *, size: int, channels: int = 3, labels: bool = False, limit: int = 2**30
) -> Source:
    """Every image below `path`, in order of its name, cropped to the middle square and resized.

    Hidden files are passed over, and files without an ending are read if they hold an image. Images that can't be used
    are skipped: the source's `found` has each with its reason. Those that are read as needed are decoded once before,
    and the user's cache folder remembers which can be.

    channels: 1 for grey, 3 for RGB.
    labels: whether the folders directly in `path` are the classes, in order of their names.
    limit: bytes of pixels that may live on the device; more are read and decoded as they are needed.
    """
    if channels not in (1, 3) or size < 1:
        raise ValueError(f"no images of size {size} with {channels} channels: use a size >= 1 and 1 or 3")
    root = pathlib.Path(path).expanduser()
    listing = found.find(root, endings(), "images", is_image)
    if labels:
        found.check_in_folders(listing)

    def load(file: pathlib.Path) -> np.ndarray:
        return read(file, size, channels)

    def check(file: pathlib.Path) -> None:
        load(file)

    whole = len(listing.files) * size * size * channels <= limit
    if whole:
        files, pixels, skipped = found.read_each(listing.files, load, lambda file: found.below(root, file))
    else:
        files, _, skipped = check_each(root, listing.files, check, versions())
    found.check_some(listing, files, skipped, "images")
    names, numbers = found.classes_of(listing, files, "images") if labels else ([], [])
    if whole:
        source = on_device(np.stack(pixels), np.array(numbers) if labels else None, classes=len(names))
    else:
        source = as_needed(root, files, load, (size, size, channels), numbers, classes=len(names))
    used = found.counted(len(files), "images", len(names))
    return source._replace(found=found.Found(used, (*listing.skipped, *skipped), listing.ignored).told(root))


def as_needed(
    root: pathlib.Path,
    files: list[pathlib.Path],
    load: Callable[[pathlib.Path], np.ndarray],
    shape: tuple[int, ...],
    labels: list[int],
    *,
    classes: int,
) -> Source:
    """The source that reads images when their turn comes. labels: of the files; [] if there are none."""
    label = dict(zip(files, labels))

    def decode(file: pathlib.Path) -> Batch:
        return Batch(load(file), label.get(file))

    called = f"{len(files)} images of {'x'.join(map(str, shape))}"
    name = f"{called}, sha256 of names and sizes {names_and_sizes(root, files, labels)}"
    example = image_example(shape, labelled=classes > 0)
    return streamed(files, decode, example, classes=classes)._replace(name=name)


def read(file: pathlib.Path, size: int, channels: int) -> np.ndarray:
    """[size, size, channels] uint8."""
    with opened(file) as image:
        return square(image, size, channels)


def versions() -> str:
    """Of what decodes images."""
    import PIL

    return f"images by Pillow {PIL.__version__}, HEIC {'.heic' in endings()}"


# What follows goes when sounds, clips and meshes use found.py.


def find(root: pathlib.Path, suffixes: set[str], kind: str) -> list[pathlib.Path]:
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


@contextlib.contextmanager
def bombs_are_errors() -> Iterator[None]:
    """Has Pillow refuse images so large (90 million pixels) that they may be decompression bombs."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def keep_readable(
    root: pathlib.Path, items: list[T], readable: list[bool], kind: str = "images", why: str = "can't be read"
) -> list[T]:
    """Those of `items`, which are files or parts of files, that can be used; a warning counts the others."""
    broken = [one for one, good in zip(items, readable) if not good]
    if len(broken) == len(items):
        raise ValueError(f"all {len(items)} {kind} in {root} {why}: are they whole?")
    if broken:
        logging.warning("%s: %d of %d %s %s, and are skipped: %s%s",
                        root, len(broken), len(items), kind, why, broken[0], " ..." if broken[1:] else "")  # fmt: skip
    return [one for one, good in zip(items, readable) if good]
