"""Shapes in three dimensions as voxels: drawn from meshes, kept as bits, and made examples on the device."""

import functools
from pathlib import Path
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gan_jax.types import Array

Up = Literal["y", "z"]
AT_ONCE = 2**20  # pieces of triangles
APART = 0.5  # voxels between the points that stand for a surface: none can pass between two voxels' centres unseen


def voxelise(file: Path, side: int, up: Up = "y") -> NDArray[np.bool_]:
    """The mesh of a file as voxels [side, side, side], x to the right, y up and z to the front, as glTF has it.

    up: the axis that points up in the file.

    Raises:
      ValueError: no trimesh, or a file without a surface. Beside these, whatever trimesh makes of a broken file.
    """
    return drawn(read_mesh(file), side, up)


def read_mesh(file: Path) -> Any:
    """All meshes of a file as one of trimesh's."""
    return import_trimesh().load_scene(file, skip_materials=True).to_mesh()


def drawn(mesh: Any, side: int, up: Up) -> NDArray[np.bool_]:
    """A mesh as voxels [side, side, side]: its longest side fills the space, and it stands in the middle.

    Voxels that its surface passes through are full, and those that they enclose; the mesh itself needn't be closed.

    Raises:
      ValueError: it has no surface.
    """
    from scipy.ndimage import binary_fill_holes

    trimesh = import_trimesh()
    corners = np.asarray(mesh.vertices if up == "y" else mesh.vertices[:, [0, 2, 1]] * [1, 1, -1], np.float64)
    corners = corners[mesh.faces]  # [triangles, 3, 3]
    if not corners.size or not np.isfinite(corners).all() or not np.ptp(corners, (0, 1)).max():
        raise ValueError("no surface")
    low, high = corners.min((0, 1)), corners.max((0, 1))
    corners = (corners - (low + high) / 2) * (side / (high - low).max()) + side / 2
    voxels = np.zeros((side,) * 3, bool)
    for some in in_parts(corners):
        points, _ = trimesh.remesh.subdivide_to_size(
            some.reshape(-1, 3), np.arange(3 * len(some)).reshape(-1, 3), APART, max_iter=32
        )
        voxels[tuple(np.clip(points.astype(int), 0, side - 1).T)] = True
    return binary_fill_holes(voxels)


def in_parts(corners: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Triangles [N, 3, 3] in parts of which none becomes much more than AT_ONCE: a soup of large ones is endless."""
    longest = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2).max(1)
    pieces = np.maximum(longest / APART, 1) ** 2
    part = np.cumsum(pieces) // AT_ONCE
    return np.split(corners, np.flatnonzero(np.diff(part)) + 1)


def import_trimesh() -> Any:
    """Raises ValueError: trimesh isn't installed."""
    try:
        import trimesh
    except ModuleNotFoundError as error:
        raise ValueError("meshes are read by trimesh: pip install 'gan-jax[shapes]'") from error
    return trimesh


def pack(voxels: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """[N, side, side, side] -> bits [N, side³ / 8]."""
    return np.packbits(voxels.reshape(len(voxels), -1), 1)


def unpack(bits: Array, side: int) -> Array:
    """Bits [B, side³ / 8] -> examples [B, side, side, side, 1], -1 where there is nothing and 1 where there is."""
    full = jnp.unpackbits(bits, axis=1, count=side**3)
    return (2.0 * full.astype(jnp.float32) - 1).reshape(-1, side, side, side, 1)


def unpacked(side: int) -> functools.partial[Array]:
    """`decode` of a Source of bits."""
    return functools.partial(unpack, side=side)
