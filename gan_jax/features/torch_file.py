"""Reads the state dicts of torch.save without PyTorch, and without running the code in them.

A pickle is a program. Here it may call only three functions, which record their arguments; the numbers are then read as
plain bytes. Any other name in the file is refused.
"""

import io
import math
import os
import pickle
import pickletools
import textwrap
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gan_jax.errors import UserError

MAGIC = (0x1950A86A20F9469CFC6C).to_bytes(10, "little")  # in the first pickle of a file from before PyTorch 1.6
DTYPES = {  # of bytes in the file; `numbers` converts bfloat16, which NumPy lacks, and bool, which it wouldn't check
    "BFloat16Storage": "<u2",
    "BoolStorage": "|u1",
    "ByteStorage": "|u1",
    "DoubleStorage": "<f8",
    "FloatStorage": "<f4",
    "HalfStorage": "<f2",
    "IntStorage": "<i4",
    "LongStorage": "<i8",
}


class Storage(NamedTuple):
    """A row of numbers in the file.

    Attributes:
      kind: A key of DTYPES.
      key: Its name in the file.
      length: The count of numbers.
    """

    kind: str
    key: str
    length: int

    @property
    def nbytes(self) -> int:
        """Its size in the file."""
        return self.length * np.dtype(DTYPES[self.kind]).itemsize


class Tensor(NamedTuple):
    """A view of a storage, in elements, not bytes.

    Attributes:
      storage: The storage.
      offset: Its first element.
      shape: The shape.
      strides: The strides.
    """

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Reads a state dict from a file of either format of torch.save (before and since 1.6).

    Args:
      path: The file.

    Returns:
      The tensors by name. They are read-only, and share memory where the tensors did. bfloat16 becomes float32.

    Raises:
      ValueError: The file is of another kind, truncated, damaged or inconsistent, or names anything but tensors.
      OSError: The file doesn't exist or can't be read.
    """
    data = Path(path).read_bytes()
    try:
        state, raw = (from_zip if data.startswith(b"PK\x03\x04") else from_stream)(data)
        if not isinstance(state, dict):
            raise UserError(f"holds a {type(state).__name__}, not a dict of tensors")
        rows = {storage: numbers(storage, raw[storage]) for storage in raw}
        return {name: window(name, tensor, rows) for name, tensor in state.items()}
    except Exception as error:  # a damaged pickle can raise anything
        what = textwrap.shorten(str(error) or type(error).__name__, 200)
        raise UserError(
            f"{path}: not a state dict of torch.save's: {what}; "
            "fetch the file again, or write it with torch.save(model.state_dict(), FILE)"
        ) from error


def from_zip(data: bytes) -> tuple[object, dict[Storage, bytes]]:
    """The format since PyTorch 1.6: NAME/data.pkl, and a file NAME/data/KEY per storage."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in archive.infolist()):
            raise UserError("a compressed zip, and torch.save doesn't compress")
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise UserError("a zip, but not with one data.pkl in it")
        folder = pickles[0].removesuffix("data.pkl")
        if f"{folder}byteorder" in archive.namelist() and archive.read(f"{folder}byteorder") != b"little":
            raise UserError("written by a big-endian machine")
        unpickler = Unpickler(io.BytesIO(archive.read(pickles[0])))
        state = unpickler.load()
        claimed = sum(storage.nbytes for storage in unpickler.storages)
        if claimed > len(data):  # several names may refer to the same bytes of the file
            raise UserError(f"its tensors claim {claimed} bytes and the file has {len(data)}")
        return state, {storage: archive.read(f"{folder}data/{storage.key}") for storage in unpickler.storages}


def from_stream(data: bytes) -> tuple[object, dict[Storage, bytes]]:
    """The format before PyTorch 1.6: five pickles, and then each storage as its length, int64, and its numbers."""
    if MAGIC not in data[:32]:
        raise UserError("it starts like neither of the two formats")
    stream = io.BytesIO(data)
    _magic, _version, _system = (Unpickler(stream).load() for _ in range(3))
    unpickler = Unpickler(stream)
    state: Any = unpickler.load()
    named = {storage.key: storage for storage in unpickler.storages}
    raw = {}
    for key in Unpickler(stream).load():  # type: ignore[attr-defined]
        storage = named[key]
        if int.from_bytes(stream.read(8), "little") != storage.length:
            raise UserError(f"the length of storage {key!r} isn't the {storage.length} that its tensors claim")
        raw[storage] = stream.read(storage.nbytes)
    return state, raw


class Unpickler(pickle.Unpickler):
    """Makes dicts, lists, numbers, strings and tensors, and collects their storages. Runs no code of the file."""

    def __init__(self, stream: io.BytesIO):
        start = stream.tell()
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if "PUT" in opcode.name and int(argument or 0) > count:  # the memo, a list, would grow to that length
                raise UserError("a pickle that claims more memory than it can need")
        stream.seek(start)
        super().__init__(stream)
        self.storages: dict[Storage, None] = {}

    def find_class(self, module: str, name: str) -> Any:
        # New functions for each call, since a pickle may set attributes of those that it gets.
        allowed = {
            "collections.OrderedDict": OrderedDict,
            "torch._utils._rebuild_tensor_v2": lambda storage, offset, size, stride, *_: Tensor(
                storage, offset, size, stride
            ),
            "torch._utils._rebuild_parameter": lambda tensor, *_: tensor,
        } | {f"torch.{kind}": kind for kind in DTYPES}
        if f"{module}.{name}" not in allowed:
            raise UserError(f"it names {f'{module}.{name}'!r}, which could run code")
        return allowed[f"{module}.{name}"]

    def persistent_load(self, pid: Any) -> Storage:
        what, kind, key, _device, length, *view = pid
        if what != "storage" or kind not in DTYPES or not isinstance(key, str) or not is_whole(length):
            raise UserError(f"an unknown kind of storage, {pid!r}")
        if any(part is not None for part in view):
            raise UserError(f"storage {key!r} is a view of another, which isn't supported")
        storage = Storage(kind, key, length)
        self.storages[storage] = None
        return storage


def numbers(storage: Storage, raw: bytes) -> np.ndarray:
    """The numbers of a storage, [length]."""
    if len(raw) != storage.nbytes:
        raise UserError(f"storage {storage.key!r} has {len(raw)} bytes of {storage.nbytes}: the file is cut short")
    row = np.frombuffer(raw, DTYPES[storage.kind])
    if storage.kind == "BFloat16Storage":
        row = (row.astype(np.uint32) << 16).view(np.float32)  # the upper half of a float32
    if storage.kind == "BoolStorage":
        row = row != 0
    return row


def window(name: object, tensor: object, rows: dict[Storage, np.ndarray]) -> np.ndarray:
    """The tensor as an array; refuses one that reaches outside of its storage."""
    if not isinstance(name, str) or not isinstance(tensor, Tensor):
        raise UserError(f"{name!r} is a {type(tensor).__name__}, not a tensor")
    if tensor.storage not in rows:
        raise UserError(f"{name!r} has no storage in the file")
    row, (_, offset, shape, strides) = rows[tensor.storage], tensor
    whole = all(map(is_whole, (offset, *shape, *strides))) and len(shape) == len(strides)
    if not whole or math.prod(shape) > row.size:
        raise UserError(f"{name!r} has shape {shape} and strides {strides}, over {row.size} numbers")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides))
    if math.prod(shape) and last >= row.size:
        raise UserError(f"{name!r} reaches number {last}, but the file has {row.size} for it")
    steps = [stride * row.itemsize for stride in strides]
    return np.lib.stride_tricks.as_strided(row[offset:], shape, steps, writeable=False)


def is_whole(number: object) -> bool:
    return type(number) is int and number >= 0
