"""Video data sets of TensorFlow Datasets, read without TensorFlow from their array_record files.

This was tried on a small set of our own in TFDS' format, not on moving_mnist and ucf101, which need TensorFlow to be
prepared.
"""

import importlib.util
import io
import os
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from gan_jax.data.memory import blank, remembered
from gan_jax.data.source import Source, image_example, on_device
from gan_jax.data.square import square
from gan_jax.data.stream import streamed
from gan_jax.data.tfds.records import decode_all, open_prepared, open_split
from gan_jax.errors import UserError
from gan_jax.types import Batch


@remembered(Source)
def tfds_video(
    name: str,
    *,
    split: str = "train",
    data_dir: str | os.PathLike | None = None,
    size: int,
    frames: int = 16,
    limit: int = 2**30,
) -> Source:
    """Load the first frames of each video of a prepared data set, with labels if it has a ClassLabel named "label".

    Args:
      name: Its name in the catalogue, or that of a data set of your own in `data_dir`.
      split: A split, or a slice of one; moving_mnist has only "test".
      data_dir: Where it was prepared; None: TFDS' default.
      size: Every frame is cropped to the middle square and resized to this side.
      frames: Frames in an example.
      limit: Bytes of pixels that may live on the device; more are read and decoded as needed.

    Returns:
      A source of clips [frames, size, size, C] in [-1, 1].

    Raises:
      FileNotFoundError: It isn't prepared.
      ValueError: There is no such data set or split, it has no "video", or one has too few frames.
    """
    spare_tensorflow()
    builder = open_prepared(name, data_dir)
    features = dict(builder.info.features.items())
    channels = channels_of(name, features)
    classes = getattr(features.get("label"), "num_classes", None) or 0
    example = image_example((frames, size, size, channels), labelled=classes > 0)
    if source := blank(example, classes):
        return source
    decode = make_decode(name, size, frames, channels, labelled=classes > 0)
    records = open_split(name, builder, split)
    called = f"{builder.info.full_name} {split}, the first {frames} frames at {size}x{size}"
    if len(records) * np.prod(example.x.shape) > limit:
        source = streamed(records, decode, example, classes=classes)
    else:
        examples = decode_all(records, decode)
        labels = np.array([example.condition for example in examples]) if classes else None
        source = on_device(np.stack([example.x for example in examples]), labels, classes=classes)
    return source._replace(
        name=called,
        split=lambda other: tfds_video(name, split=other, data_dir=data_dir, size=size, frames=frames, limit=limit),
    )


def spare_tensorflow() -> None:
    """Lets TFDS make its Video feature without TensorFlow, if that isn't installed: it needs only a type's name."""
    from tensorflow_datasets.core.features import video_feature

    if importlib.util.find_spec("tensorflow") is None:
        video_feature.tf = types.SimpleNamespace(dtypes=types.SimpleNamespace(as_dtype=np.dtype))


def channels_of(name: str, features: dict[str, Any]) -> int:
    import tensorflow_datasets as catalogue

    feature = getattr(features.get("video"), "feature", None)  # a Video is a Sequence of Image
    if not isinstance(feature, catalogue.features.Image):
        raise UserError(f"{name} has no 'video': it has {', '.join(sorted(features))}, so it needs its own loader")
    return 1 if feature.shape[-1] == 1 else 3


def make_decode(name: str, size: int, frames: int, channels: int, *, labelled: bool) -> Callable[[bytes], Batch]:
    """Returns a function from a serialised example to a uint8 clip [frames, size, size, channels], and its label."""
    from PIL import Image
    from tensorflow_datasets.proto import tf_example_pb2

    def decode(record: bytes) -> Batch:
        values = tf_example_pb2.Example.FromString(record).features.feature
        encoded = values["video"].bytes_list.value[:frames]
        if len(encoded) < frames:
            raise UserError(f"a video of {name} has {len(encoded)} frames, and {frames} are wanted: ask for fewer")
        pictures = [square(Image.open(io.BytesIO(one)), size, channels) for one in encoded]
        return Batch(np.stack(pictures), values["label"].int64_list.value[0] if labelled else None)

    return decode
