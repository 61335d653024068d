"""A folder of the user's own meshes, as voxels."""

import os
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gan_jax.data.folders.find import below, check_some, find, notes, read_each
from gan_jax.data.found import Found, counted
from gan_jax.data.memory import blank, remembered
from gan_jax.data.source import Source, digest, on_device
from gan_jax.data.voxels import Up, drawn, import_trimesh, is_closed, pack, read_mesh, unpacked, voxel_example
from gan_jax.errors import UserError

SUFFIXES = {".obj", ".stl", ".ply", ".glb", ".gltf", ".off"}
PARTS = {".mtl", ".bin"}  # files that OBJ and glTF refer to


@remembered(Source)
def meshes(path: str | os.PathLike, *, side: int = 32, up: Up = "y") -> Source:
    """Load every mesh below a folder, in order of name, as voxels, each scaled to fill the space.

    A mesh needn't be closed: its surface is full, and so is whatever that encloses to within a voxel. A warning counts
    meshes that aren't closed. Files that can't be used are skipped, and `found` says why. A mesh takes about half a
    second each time that the folder is read.

    Args:
      path: The folder.
      side: Voxels along each axis, a multiple of 2.
      up: The axis that points up in the files: "y" in most OBJ and all glTF, "z" in most STL.

    Returns:
      A source of shapes [side, side, side, 1], -1 or 1.

    Raises:
      FileNotFoundError: There is no such folder.
      ValueError: No mesh is usable, or trimesh isn't installed.
    """
    if side < 2 or side % 2:
        raise UserError(f"no shapes of {side} voxels a side: use a multiple of 2")
    if source := blank(voxel_example(side)):
        return source
    import_trimesh()
    listing = find(Path(path).expanduser(), SUFFIXES, "meshes")
    root = listing.root

    def read(file: Path) -> tuple[NDArray[np.bool_], bool]:
        corners = read_mesh(file)
        return drawn(corners, side, up), is_closed(corners)

    files, shapes, skipped = read_each(listing.files, read, lambda file: below(root, file))
    check_some(listing, files, skipped, "meshes")
    if hollow := [below(root, file) for file, (_, closed) in zip(files, shapes) if not closed]:
        some = hollow[0] + " ..." * (len(hollow) > 1)
        notes.warning("%s: %d of %d meshes aren't closed, and may be hollow: %s", root, len(hollow), len(files), some)
    ignored = Counter({ending: count for ending, count in listing.ignored.items() if ending not in PARTS})
    found = Found(counted(len(files), "meshes"), (*listing.skipped, *skipped), ignored)
    bits = pack(np.stack([voxels for voxels, _ in shapes]))
    name = f"{len(bits)} shapes of {side}x{side}x{side}, sha256 {digest(bits.data)}"
    return on_device(bits, name=name, decode=unpacked(side))._replace(found=found.announced(root))
