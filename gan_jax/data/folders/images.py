"""A folder of the user's own images."""

import math
import os
import pathlib
from collections.abc import Callable

import numpy as np

from gan_jax.data.folders.checked import check_each
from gan_jax.data.folders.find import below, check_in_folders, check_some, classes_of, find, read_each
from gan_jax.data.folders.image_files import endings, is_image, large_images_are_read, opened
from gan_jax.data.found import Found, counted
from gan_jax.data.memory import blank, remembered
from gan_jax.data.source import Source, image_example, on_device
from gan_jax.data.square import cropped
from gan_jax.data.stream import names_and_sizes, streamed
from gan_jax.errors import UserError
from gan_jax.types import Batch


@remembered(Source)
@large_images_are_read()
def images(
    path: str | os.PathLike,
    *,
    size: int | tuple[int, int],
    channels: int = 3,
    labels: bool = False,
    limit: int = 2**30,
) -> Source:
    """Load every image below a folder, in order of name, cropped to the middle square or rectangle and resized.

    Hidden files are ignored, and files without an ending are read if they hold an image. Images that can't be used are
    skipped; the source's `found` lists them with reasons. Images read as needed are decoded once beforehand, and the
    user's cache folder remembers which are usable.

    Args:
      path: The folder.
      size: The side of the squares, in pixels, or the height and width.
      channels: 1 for grey, 3 for RGB.
      labels: Whether the folders directly in `path` are the classes, in order of name.
      limit: Bytes of pixels that may live on the device; more are read and decoded as needed.

    Returns:
      A source of images [size, size, channels], or [height, width, channels], in [-1, 1].

    Raises:
      FileNotFoundError: There is no such folder.
      ValueError: No image is usable, or one has no label.
    """
    shape = (size, size) if isinstance(size, int) else size
    if channels not in (1, 3) or min(shape) < 1:
        raise UserError(f"no images of size {size} with {channels} channels: use a size >= 1 and 1 or 3")
    example = image_example((*shape, channels), labelled=labels)
    if not labels and (source := blank(example)):  # the number of classes is in the folder
        return source
    root = pathlib.Path(path).expanduser()
    listing = find(root, endings(), "images", is_image)
    if labels:
        check_in_folders(listing)

    def load(file: pathlib.Path) -> np.ndarray:
        return read(file, shape, channels)

    def check(file: pathlib.Path) -> None:
        load(file)

    whole = len(listing.files) * math.prod(shape) * channels <= limit
    if whole:
        files, pixels, skipped = read_each(listing.files, load, lambda file: below(root, file))
    else:
        files, _, skipped = check_each(root, listing.files, check, versions())
    check_some(listing, files, skipped, "images")
    names, numbers = classes_of(listing, files, "images") if labels else ([], [])
    if whole:
        source = on_device(np.stack(pixels), np.array(numbers) if labels else None, classes=len(names))
    else:
        source = as_needed(root, files, load, example, numbers, classes=len(names))
    used = counted(len(files), "images", len(names))
    return source._replace(found=Found(used, (*listing.skipped, *skipped), listing.ignored).announced(root))


def train_and_test_images(train: str | os.PathLike, test: str | os.PathLike | None, *, size: int) -> Source:
    """The RGB images of a folder, with those of another as the split "test".

    Args:
      train: The folder.
      test: The other folder; None if there is none.
      size: The side of the squares, in pixels.

    Raises:
      FileNotFoundError: There is no such folder.
      ValueError: One of them has no usable image, as far as can be told without reading those of `test`.
    """
    source = images(train, size=size)
    if test is None:
        return source
    if not blank(source.example):
        find(pathlib.Path(test).expanduser(), endings(), "images", is_image)
    folders = {"train": train, "test": test}

    def split(name: str) -> Source:
        if name not in folders:
            raise UserError(f"{source.name} has no split {name!r}: it has train and test")
        return images(folders[name], size=size)

    return source._replace(split=split)


def as_needed(
    root: pathlib.Path,
    files: list[pathlib.Path],
    load: Callable[[pathlib.Path], np.ndarray],
    example: Batch,
    labels: list[int],
    *,
    classes: int,
) -> Source:
    """The source that reads images as needed; `labels` are those of the files, [] if there are none."""
    label = dict(zip(files, labels))

    def decode(file: pathlib.Path) -> Batch:
        return Batch(load(file), label.get(file))

    called = f"{len(files)} images of {'x'.join(map(str, example.x.shape))}"
    name = f"{called}, sha256 of names and sizes {names_and_sizes(root, files, labels)}"
    return streamed(files, decode, example, classes=classes)._replace(name=name)


def read(file: pathlib.Path, shape: tuple[int, int], channels: int) -> np.ndarray:
    """Reads an image as uint8 [*shape, channels]."""
    with opened(file) as image:
        return cropped(image, shape, channels)


def versions() -> str:
    """The versions of what decodes images."""
    import PIL

    return f"images by Pillow {PIL.__version__}, HEIC {'.heic' in endings()}"
