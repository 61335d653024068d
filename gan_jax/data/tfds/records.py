"""Prepared data sets of TensorFlow Datasets, read without TensorFlow."""

import difflib
import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from gan_jax.data.memory import is_planning
from gan_jax.data.source import Source, on_device as on_the_device, to_float
from gan_jax.data.stream import streamed
from gan_jax.errors import Missing, UserError
from gan_jax.types import Array, Batch, T


def whole_or_streamed(
    records: Sequence[bytes],
    decode: Callable[[bytes], Batch],
    example: Batch,
    *,
    classes: int,
    name: str,
    limit: int,
    itemsize: int = 1,
    on_device: Callable[[Array], Array] = to_float,
) -> Source:
    """A source on the device if its decoded examples, of `itemsize` bytes an element, take up to `limit`; or streamed.

    `on_device` maps decoded examples [B, ...] to float32 there.
    """
    if len(records) * np.prod(example.x.shape) * itemsize > limit:
        return streamed(records, decode, example, classes=classes, on_device=on_device)._replace(name=name)
    examples = decode_all(records, decode)
    labels = np.array([example.condition for example in examples]) if classes else None
    stored = np.stack([example.x for example in examples])
    return on_the_device(stored, labels, classes=classes, name=name, decode=on_device)


def open_prepared(name: str, data_dir: str | os.PathLike | None) -> Any:
    """The builder of a prepared data set, from its files; inside `memory.planning`, else the catalogue's."""
    import tensorflow_datasets as catalogue

    data_dir = None if data_dir is None else os.path.expanduser(data_dir)
    try:
        builder = catalogue.core.read_only_builder.builder_from_files(**builder_arguments(name), data_dir=data_dir)
    except catalogue.core.DatasetNotFoundError as error:
        if is_planning():
            return catalogue_builder(name, data_dir)
        check_known(name)
        where = data_dir or catalogue.core.constants.DATA_DIR
        option = "" if data_dir is None else f" --data-dir {data_dir}"
        raise Missing(f"{name} isn't prepared in {where}: run `gan-jax prepare {name}{option}`") from error
    check_format(name, builder)
    return builder


def catalogue_builder(name: str, data_dir: str | os.PathLike | None) -> Any:
    """The builder that knows how to prepare `name`."""
    import tensorflow_datasets as catalogue

    check_known(name)
    arguments = builder_arguments(name)
    data_dir = None if data_dir is None else os.path.expanduser(data_dir)
    try:
        return catalogue.builder(**arguments, data_dir=data_dir)
    except Exception as error:  # an unknown config or version, a missing package
        raise UserError(f"TensorFlow Datasets can't build {name}: {first_line(error)}") from error


def builder_arguments(name: str) -> dict[str, Any]:
    """The name, config and version that TFDS' builders take, from `emnist/letters:3.1.0`."""
    import tensorflow_datasets as catalogue

    try:
        base, arguments = catalogue.core.naming.parse_builder_name_kwargs(name)
    except ValueError as error:
        raise UserError(f"{name!r} isn't the name of a data set: write it as mnist or emnist/letters") from error
    return {"name": str(base), **arguments}


def check_known(name: str) -> None:
    import tensorflow_datasets as catalogue

    known = catalogue.list_builders(with_community_datasets=False)
    base = re.split("[/:]", name)[0]
    if base not in known:
        close = " or ".join(difflib.get_close_matches(base, known))
        mend = f"did you mean {close}?" if close else "see https://www.tensorflow.org/datasets/catalog"
        raise UserError(f"{base} isn't a data set of TensorFlow Datasets: {mend}")


def check_format(name: str, builder: Any) -> None:
    formats = {format.value for format in builder.info.available_file_formats()}
    if "array_record" not in formats:
        raise UserError(
            f"{name} in {builder.data_dir} is in {' and '.join(sorted(formats))} format, which only"
            " TensorFlow reads: prepare it again in another data_dir"
        )


def open_split(name: str, builder: Any, split: str) -> Sequence[bytes]:
    """Random access to serialised examples."""
    import tensorflow_datasets as catalogue

    try:
        return builder.as_data_source(
            split,
            deserialize_method=catalogue.decode.DeserializeMethod.RAW_BYTES,
            file_format="array_record",
        )
    except ValueError as error:  # unknown, or empty
        has = ", ".join(builder.info.splits)
        raise UserError(f"{name} has no split {split!r}: it has {has} (or a part, as train[:90%])") from error


def decode_all(records: Any, decode: Callable[[bytes], T]) -> list[T]:
    """Decodes every example, in order, by chunks, since reading 256 at once takes a tenth of the time."""

    def chunk(first: int) -> list[T]:
        return [decode(r) for r in records.__getitems__(range(first, min(first + 256, len(records))))]

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes without the GIL
        chunks = pool.map(chunk, range(0, len(records), 256))
        return [example for examples in chunks for example in examples]


def first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"
