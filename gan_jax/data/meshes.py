"""A folder of the user's own meshes, as voxels."""

import os
import pathlib

import numpy as np
from numpy.typing import NDArray

from gan_jax.data.folder import find, keep_readable
from gan_jax.data.source import Source, digest, on_device
from gan_jax.data.voxels import Up, import_trimesh, pack, unpacked, voxelise

SUFFIXES = {".obj", ".stl", ".ply", ".glb", ".gltf", ".off"}


def meshes(path: str | os.PathLike, *, side: int = 32, up: Up = "y") -> Source:
    """Every mesh below `path`, in order of its name, as [side, side, side, 1], -1 or 1, one to fill each space.

    side: a multiple of 2.
    up: the axis that points up in the files: "y" in most OBJ and all glTF, "z" in most STL.
    A mesh needn't be closed: its surface is full, and what that encloses to the width of a voxel. Unreadable meshes are
    skipped, and a warning counts them. A mesh takes half a second or so, each time that the folder is read.
    """
    if side < 2 or side % 2:
        raise ValueError(f"no shapes of {side} voxels a side: use a multiple of 2")
    import_trimesh()
    root = pathlib.Path(path).expanduser()
    files = find(root, SUFFIXES, "meshes")
    drawn = [try_voxelise(file, side, up) for file in files]
    keep_readable(root, files, [voxels is not None for voxels in drawn], "meshes")
    bits = pack(np.stack([voxels for voxels in drawn if voxels is not None]))
    name = f"folder {root.name}, {len(bits)} shapes of {side}x{side}x{side}, sha256 {digest(bits.data)}"
    return on_device(bits, name=name, decode=unpacked(side))


def try_voxelise(file: pathlib.Path, side: int, up: Up) -> NDArray[np.bool_] | None:
    try:
        return voxelise(file, side, up)
    except Exception:  # a broken file can raise anything
        return None
