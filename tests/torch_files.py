"""Files as torch.save writes them, made without torch."""

import io
import pickle
import zipfile
from collections import OrderedDict

import numpy as np


def written(state):
    """The file of a dict of float32 arrays."""
    arrays = [np.array(array, "<f4", order="C") for array in state.values()]
    items = b"".join(
        body(name) + tensor(array.size, array.shape, [step // 4 for step in array.strides], key=str(number)) + b"s"
        for number, (name, array) in enumerate(zip(state, arrays))
    )
    numbers = {f"data/{number}": array.tobytes() for number, array in enumerate(arrays)}
    return archive({"data.pkl": b"\x80\x02}" + items + b"."} | numbers)


def tensor(length, shape, strides, *, offset=0, key="0", view=None):
    """The opcodes that push a tensor over a storage of this length."""
    kind = body("storage") + b"ctorch\nFloatStorage\n"
    storage = b"(" + kind + body(key) + body("cpu") + body(length) + body(view) + b"tQ"
    arguments = storage + body(offset) + body(tuple(shape)) + body(tuple(strides)) + body(False) + body(OrderedDict())
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + arguments + b"tR"


def body(value):
    """The opcodes that push a value."""
    return pickle.dumps(value, 2)[2:-1]


def archive(files, compression=zipfile.ZIP_STORED):
    """The zip of these files, {name: content}."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as made:
        for name, content in files.items():
            made.writestr(f"archive/{name}", content)
    return stream.getvalue()
