"""Image data sets of TensorFlow Datasets, read without TensorFlow from their array_record files."""

import io
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from gan_jax.data.memory import blank, remembered
from gan_jax.data.source import Source, image_example
from gan_jax.data.square import square
from gan_jax.data.tfds.records import open_prepared, open_split, whole_or_streamed
from gan_jax.errors import UserError
from gan_jax.types import Batch


@remembered(Source)
def tfds_images(
    name: str,
    *,
    split: str = "train",
    data_dir: str | os.PathLike | None = None,
    size: int | None = None,
    limit: int = 2**30,
) -> Source:
    """Load a prepared data set of images, with labels if it has a ClassLabel named "label".

    Args:
      name: Its name in the catalogue (`cifar10`, `emnist/letters`), or that of a data set of your own in `data_dir`.
      split: A split, or a slice of one, as `train[:90%]`.
      data_dir: Where it was prepared; None: TFDS' default.
      size: Images are cropped to the middle square and resized to this side; needed if they vary in size.
      limit: Bytes of pixels that may live on the device; more are read and decoded as needed.

    Returns:
      A source of images [H, W, C] in [-1, 1].

    Raises:
      FileNotFoundError: It isn't prepared.
      ValueError: There is no such data set or split, or it has no 8-bit "image".
    """
    builder = open_prepared(name, data_dir)
    features = dict(builder.info.features.items())
    shape = image_shape(name, features, size)
    classes = getattr(features.get("label"), "num_classes", None) or 0
    example = image_example(shape, labelled=classes > 0)
    if source := blank(example, classes):
        return source
    wanted = ("image", "label") if classes else ("image",)
    decode = make_decode({key: features[key] for key in wanted}, shape, size)
    records = open_split(name, builder, split)
    called = f"{builder.info.full_name} {split}" + ("" if size is None else f" at {size}x{size}")
    source = whole_or_streamed(records, decode, example, classes=classes, name=called, limit=limit)
    return source._replace(
        split=lambda other: tfds_images(name, split=other, data_dir=data_dir, size=size, limit=limit),
    )


def image_shape(name: str, features: dict[str, Any], size: int | None) -> tuple[int, int, int]:
    """[H, W, C] of the images, once decoded."""
    feature = features.get("image")
    if feature is None or feature.np_dtype != np.uint8 or len(feature.shape) != 3:
        raise UserError(f"{name} has no 8-bit 'image': it has {', '.join(features)}, so it needs its own loader")
    height, width, channels = feature.shape
    if size is not None:
        return size, size, 1 if channels == 1 else 3
    if None in (height, width, channels):
        raise UserError(f"the images of {name} vary in size: give one, as size=64")
    return height, width, channels


def make_decode(features: dict[str, Any], shape: tuple[int, int, int], size: int | None) -> Callable:
    """Returns a function from a serialised example to a uint8 image [H, W, C], and its label if `features` has one.

    It reads the two features itself, since TFDS' way takes twice the time.
    """
    import tensorflow_datasets as catalogue
    from PIL import Image
    from tensorflow_datasets.proto import tf_example_pb2

    feature, labelled = features["image"], "label" in features
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[shape[-1]]

    def pixels(value: Any) -> np.ndarray:
        if isinstance(feature, catalogue.features.Image):
            image = Image.open(io.BytesIO(value.bytes_list.value[0]))
            if size is not None:
                return square(image, size, shape[-1])
            return np.asarray(image if image.mode == mode else image.convert(mode)).reshape(shape)
        stored = value.bytes_list.value[0] if value.bytes_list.value else np.array(value.int64_list.value)
        x = feature.decode_example_np(stored).astype(np.uint8)
        if size is not None:
            return square(Image.fromarray(x[..., 0] if x.shape[-1] == 1 else x), size, shape[-1])
        return x

    def decode(record: bytes) -> Batch:
        values = tf_example_pb2.Example.FromString(record).features.feature
        return Batch(pixels(values["image"]), values["label"].int64_list.value[0] if labelled else None)

    return decode
