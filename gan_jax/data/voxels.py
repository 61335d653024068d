"""Shapes as voxels: drawn from meshes, kept as bits, and unpacked on the device."""

import functools
import re
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from gan_jax.data.found import Unusable
from gan_jax.errors import UserError
from gan_jax.types import Array, Batch

Up = Literal["y", "z"]
AT_ONCE = 2**20  # pieces of triangles
APART = 0.5  # voxels between points of a surface, close enough to leave no gap between voxels


def voxelise(file: Path, side: int, up: Up = "y") -> NDArray[np.bool_]:
    """The mesh of a file as voxels [side, side, side], x right, y up and z to the front, as in glTF.

    Args:
      file: The mesh.
      side: Voxels along each axis.
      up: The axis that points up in the file.

    Raises:
      ValueError: trimesh isn't installed, or the file has no surface. A broken file may raise any error of trimesh's.
    """
    return drawn(read_mesh(file), side, up)


def read_mesh(file: Path) -> NDArray[np.float64]:
    """The corners [N, 3, 3] of all triangles of a file.

    Raises:
      ValueError: trimesh isn't installed.
      Unusable: The file is empty, cut short or has no faces. A broken file may raise any error of trimesh's.
    """
    data = file.read_bytes()
    if not data:
        raise Unusable("is empty")
    mesh = import_trimesh().load_scene(file, skip_materials=True, process=False).to_mesh()  # it merges tiny ones
    if len(mesh.faces) < (promised := faces_promised(data, file.suffix.lower())):
        raise Unusable(f"is cut short or damaged: {len(mesh.faces):,} of {promised:,} faces")
    if not len(mesh.faces):
        raise Unusable("holds no faces")
    corners = np.asarray(mesh.vertices, np.float64)[mesh.faces]
    if not np.isfinite(corners).all():
        raise Unusable("holds coordinates that aren't finite")
    return corners


def faces_promised(data: bytes, suffix: str) -> int:
    """The number of faces that a file claims to hold; 0 if its format doesn't say."""
    if suffix == ".stl":
        if data[:5].lower() == b"solid" and b"facet" in data[:1000]:
            return data.count(b"endfacet")
        return int.from_bytes(data[80:84], "little")
    pattern = {".ply": rb"element\s+face\s+(\d+)", ".off": rb"OFF\s*(?:#.*\s+)*\d+\s+(\d+)"}.get(suffix)
    match = re.search(pattern, data[:10_000]) if pattern else None
    return int(match[1]) if match else 0


def is_closed(corners: NDArray[np.float64]) -> bool:
    """Whether triangles [N, 3, 3] leave no edge open, so that an even number of them meet at each.

    Corners within a millionth of the whole size are merged; duplicate triangles, and those that have shrunk to a line,
    don't count.
    """
    low, size = corners.min((0, 1)), np.ptp(corners, (0, 1)).max()
    places = np.round((corners - low) / size * (2**20 - 1)).astype(np.int64) @ (1, 2**20, 2**40)
    points, faces = np.unique(places, return_inverse=True)
    faces = np.unique(np.sort(faces.reshape(-1, 3), 1), axis=0)
    first, middle, last = faces[(np.diff(faces, axis=1) > 0).all(1)].T
    edges = np.r_[first, middle, first] * len(points) + np.r_[middle, last, last]
    return not (np.unique(edges, return_counts=True)[1] % 2).any()


def drawn(corners: NDArray[np.float64], side: int, up: Up) -> NDArray[np.bool_]:
    """Draws triangles [N, 3, 3] as voxels [side, side, side], centred, with the longest side filling the space.

    Voxels on the surface, and those that they enclose, are full; the surface needn't be closed.

    Raises:
      Unusable: The mesh is a single point.
    """
    from scipy.ndimage import binary_fill_holes

    trimesh = import_trimesh()
    corners = corners if up == "y" else corners[..., [0, 2, 1]] * [1, 1, -1]
    low, high = corners.min((0, 1)), corners.max((0, 1))
    if not (high - low).max():
        raise Unusable("is a single point")
    corners = (corners - (low + high) / 2) * (side / (high - low).max()) + side / 2
    voxels = np.zeros((side,) * 3, bool)
    for some in in_parts(corners):
        points, _ = trimesh.remesh.subdivide_to_size(
            some.reshape(-1, 3), np.arange(3 * len(some)).reshape(-1, 3), APART, max_iter=32
        )
        voxels[tuple(np.clip(points.astype(int), 0, side - 1).T)] = True
    return binary_fill_holes(voxels)


def in_parts(corners: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Splits triangles [N, 3, 3] so that no part is subdivided into many more than AT_ONCE pieces."""
    longest = np.linalg.norm(corners - np.roll(corners, 1, 1), axis=2).max(1)
    pieces = np.maximum(longest / APART, 1) ** 2
    part = np.cumsum(pieces) // AT_ONCE
    return np.split(corners, np.flatnonzero(np.diff(part)) + 1)


def import_trimesh() -> Any:
    """Raises ValueError if trimesh isn't installed."""
    try:
        import trimesh
    except ModuleNotFoundError as error:
        raise UserError("meshes are read by trimesh: pip install 'gan-jax[shapes]'") from error
    return trimesh


def pack(voxels: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Packs voxels [N, side, side, side] into bits [N, side³ / 8]."""
    return np.packbits(voxels.reshape(len(voxels), -1), 1)


def unpack(bits: Array, side: int) -> Array:
    """Unpacks bits [B, side³ / 8] into examples [B, side, side, side, 1]: -1 where empty, 1 where full."""
    full = jnp.unpackbits(bits, axis=1, count=side**3)
    return (2.0 * full.astype(jnp.float32) - 1).reshape(-1, side, side, side, 1)


def voxel_example(side: int) -> Batch:
    """The example of a Source of shapes [side, side, side, 1]."""
    return Batch(jax.ShapeDtypeStruct((side, side, side, 1), jnp.float32))


def unpacked(side: int) -> functools.partial[Array]:
    """`decode` of a Source of bits."""
    return functools.partial(unpack, side=side)
