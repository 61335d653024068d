"""A folder of the user's own meshes, as voxels."""

import logging
import os
import pathlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gan_jax.data.folder import find, keep_readable
from gan_jax.data.source import Source, digest, on_device
from gan_jax.data.voxels import Up, drawn, import_trimesh, pack, read_mesh, unpacked

SUFFIXES = {".obj", ".stl", ".ply", ".glb", ".gltf", ".off"}


def meshes(path: str | os.PathLike, *, side: int = 32, up: Up = "y") -> Source:
    """Every mesh below `path`, in order of its name, as [side, side, side, 1], -1 or 1, one to fill each space.

    side: a multiple of 2.
    up: the axis that points up in the files: "y" in most OBJ and all glTF, "z" in most STL.
    A mesh needn't be closed: its surface is full, and what that encloses to a voxel's width; a warning counts those
    that aren't. Unreadable meshes are skipped, and a warning counts them. A mesh takes half a second or so, each time
    that the folder is read.
    """
    if side < 2 or side % 2:
        raise ValueError(f"no shapes of {side} voxels a side: use a multiple of 2")
    import_trimesh()
    root = pathlib.Path(path).expanduser()
    files = find(root, SUFFIXES, "meshes")
    read = [try_read(file, side, up) for file in files]
    keep_readable(root, files, [one is not None for one in read], "meshes")
    shapes = [one for one in read if one is not None]
    if hollow := sum(not one.closed for one in shapes):
        logging.warning("%s: %d of %d meshes aren't closed, and may be hollow", root, hollow, len(shapes))
    bits = pack(np.stack([one.voxels for one in shapes]))
    name = f"folder {root.name}, {len(bits)} shapes of {side}x{side}x{side}, sha256 {digest(bits.data)}"
    return on_device(bits, name=name, decode=unpacked(side))


class Shape(NamedTuple):
    voxels: NDArray[np.bool_]
    closed: bool


def try_read(file: pathlib.Path, side: int, up: Up) -> Shape | None:
    try:
        mesh = read_mesh(file)
        return Shape(drawn(mesh, side, up), mesh.is_watertight)
    except Exception:  # a broken file can raise anything
        return None
