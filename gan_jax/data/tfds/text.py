"""Texts of TensorFlow Datasets, read without TensorFlow from their array_record files."""

import os
from typing import Any

from gan_jax.data.lines import Line, Text, blank_text, composed, windows_of
from gan_jax.data.memory import remembered
from gan_jax.data.tfds.records import decode_all, open_prepared, open_split
from gan_jax.errors import UserError


@remembered(Text)
def tfds_text(
    name: str,
    *,
    feature: str = "text",
    split: str = "train",
    data_dir: str | os.PathLike | None = None,
    length: int = 32,
    alphabet: str | int = 64,
    lower: bool = False,
    limit: int = 2**30,
) -> Text:
    """Load windows of the lines of a prepared data set, such as tiny_shakespeare.

    The paper's lm1b hasn't been tried with it.

    Args:
      name: Its name in the catalogue, or that of a data set of your own in `data_dir`.
      feature: The feature that is the text.
      split: A split, or a slice of one; large data sets need a slice, as `train[:2%]`.
      data_dir: Where it was prepared; None: TFDS' default.
      length: Characters in a window.
      alphabet: The characters, or the number of most frequent ones to take, with the space. Lines with others are
        skipped.
      lower: Whether to convert to lower case.
      limit: Bytes that the windows may take on the device.

    Returns:
      A Text: its source of one-hot lines [length, V], its alphabet of V characters, and its words.

    Raises:
      FileNotFoundError: It isn't prepared.
      ValueError: There is no such data set, split or feature, no line is usable, or the windows take more than `limit`.
    """
    builder = open_prepared(name, data_dir)
    check_text(name, dict(builder.info.features.items()), feature)
    alphabet = composed(alphabet)
    if made := blank_text(length, alphabet):
        return made

    def read(split: str) -> list[Line]:
        lines = [line for text in decode_all(open_split(name, builder, split), decode) for line in text.splitlines()]
        return [Line(number, line.lower() if lower else line) for number, line in enumerate(lines, 1)]

    def decode(record: bytes) -> str:
        from tensorflow_datasets.proto import tf_example_pb2

        (text,) = tf_example_pb2.Example.FromString(record).features.feature[feature].bytes_list.value
        return text.decode(errors="replace")

    full_name = builder.info.full_name
    return windows_of(read, split, full_name, where=full_name, length=length, alphabet=alphabet, limit=limit)


def check_text(name: str, features: dict[str, Any], feature: str) -> None:
    import tensorflow_datasets as catalogue

    texts = [each for each, kind in features.items() if isinstance(kind, catalogue.features.Text)]
    if feature not in texts:
        has = ", ".join(texts) or "none"
        raise UserError(f"{name} has no text {feature!r}: name one of its texts, of which there are: {has}")
