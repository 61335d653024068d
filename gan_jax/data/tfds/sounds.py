"""Sound data sets of TensorFlow Datasets, read without TensorFlow from their array_record files."""

import contextlib
import os
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gan_jax.data.folders.sounds import fitted, sound_example, to_float, to_int16
from gan_jax.data.memory import blank, remembered
from gan_jax.data.resample import part
from gan_jax.data.source import Source
from gan_jax.data.tfds.records import open_prepared, open_split, whole_or_streamed
from gan_jax.errors import UserError
from gan_jax.types import Batch


@remembered(Source)
def tfds_sounds(
    name: str,
    *,
    split: str = "train",
    data_dir: str | os.PathLike | None = None,
    rate: int = 16_000,
    length: int = 16_384,
    limit: int = 2**30,
) -> Source:
    """Load a prepared data set of sounds, such as speech_commands, with labels if it has a ClassLabel named "label".

    Examples are the beginnings of its sounds, padded with zeros if shorter; one that exceeds ±1 is scaled by its peak.

    Args:
      name: Its name in the catalogue, or that of a data set of your own in `data_dir`.
      split: A split, or a slice of one, as `train[:90%]`.
      data_dir: Where it was prepared; None: TFDS' default.
      rate: Samples per second; sounds of another rate are resampled.
      length: Samples in an example.
      limit: Bytes of samples (16 bits each) that may live on the device; more are read as needed.

    Returns:
      A source of sounds [length, 1] in [-1, 1].

    Raises:
      FileNotFoundError: It isn't prepared.
      ValueError: There is no such data set or split, or it has no decoded "audio" of one channel.
    """
    with audio_without_tensorflow():
        builder = open_prepared(name, data_dir)
    features = dict(builder.info.features.items())
    classes = getattr(features.get("label"), "num_classes", None) or 0
    stored = stored_rate(name, features)
    example = sound_example(length, labelled=classes > 0)
    if source := blank(example, classes):
        return source
    decode = make_decode(stored, rate, length, labelled=classes > 0)
    records = open_split(name, builder, split)
    called = f"{builder.info.full_name} {split}, {length} samples at {rate} Hz"
    source = whole_or_streamed(
        records, decode, example, classes=classes, name=called, limit=limit, itemsize=2, on_device=to_float
    )
    return source._replace(
        split=lambda other: tfds_sounds(name, split=other, data_dir=data_dir, rate=rate, length=length, limit=limit),
    )


@contextlib.contextmanager
def audio_without_tensorflow() -> Iterator[None]:
    """Lets TFDS make its Audio feature without TensorFlow, which it needs only for the name of a type."""
    from tensorflow_datasets.core.features import audio_feature

    before = audio_feature.tf
    audio_feature.tf = types.SimpleNamespace(dtypes=types.SimpleNamespace(as_dtype=np.dtype))
    try:
        yield
    finally:
        audio_feature.tf = before


def stored_rate(name: str, features: dict[str, Any]) -> int:
    """Samples per second of the sounds, which are stored decoded, as integers of 16 bits."""
    feature = features.get("audio")
    if feature is None or not np.issubdtype(feature.np_dtype, np.integer) or len(feature.shape) != 1:
        raise UserError(
            f"{name} has no decoded 'audio' of one channel: it has {', '.join(features)}, so it needs its own loader"
        )
    if not feature.sample_rate:
        raise UserError(f"{name} doesn't say how many samples a second its sounds have, so it needs its own loader")
    return feature.sample_rate


def make_decode(stored: int, rate: int, length: int, *, labelled: bool) -> Callable[[bytes], Batch]:
    """Returns a function from a serialised example to an int16 sound [length, 1], and its label if it has one."""
    from tensorflow_datasets.proto import tf_example_pb2

    def decode(record: bytes) -> Batch:
        values = tf_example_pb2.Example.FromString(record).features.feature
        if values["audio"].HasField("bytes_list"):
            raise UserError("its sounds are kept encoded, so it needs its own loader")
        x = np.array(values["audio"].int64_list.value, np.float32) / 32_768
        beginning = part(lambda start, stop: x[start:stop], 0, length, stored, rate)
        scaled = fitted(beginning / max(np.abs(beginning).max(initial=0), 1), length)
        return Batch(to_int16(scaled)[:, None], values["label"].int64_list.value[0] if labelled else None)

    return decode
