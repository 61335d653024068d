"""Shapes in voxels, drawn from two sides, and as meshes for other programs.

Samples are [side, side, side, 1], full where they are above 0; x points right, y up, z to the front.
"""

import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gan_jax.errors import UserError
from gan_jax.types import View
from gan_jax.views.films import write_gif, write_mp4
from gan_jax.views.image import FRAME, grid, write

# A voxel seen from the right, the front and above: two rows of its top, two of its front and right sides.
TOP, FRONT, RIGHT = 0, 1, 2
CUBE = [(row, column, TOP if row < 2 else FRONT if column < 2 else RIGHT) for row in range(4) for column in range(4)]
BRIGHTNESS = np.array([1.0, 0.75, 0.5])  # of the top, the front and the right side
COLOUR = np.array([196, 164, 122])  # of wood
CLEAR = 0.01  # the least distance of a voxel's value from 0, so that no triangle of a mesh shrinks to a point
SPACING = 1.25  # of shapes in a scene, relative to their size


def write_grid(samples: np.ndarray, path: Path) -> None:
    """Writes samples [N, side, side, side, 1], each from the front and from behind, in one nearly square grid."""
    columns = math.ceil(math.sqrt(len(samples) / 2))
    write(grid(np.stack([from_both_sides(sample) for sample in samples]), columns), path)


def write_strips(walks: np.ndarray, path: Path) -> None:
    """Writes samples [walks, frames, side, side, side, 1] from the front, one walk in each row."""
    write(grid(np.stack(frames_of(walks)), walks.shape[1]), path)


def write_film(walks: np.ndarray, path: Path) -> None:
    """Writes samples [walks, frames, side, side, side, 1] as an animated GIF that plays one walk after the other."""
    write_gif(frames_of(walks), path, FRAME)


def write_video(walks: np.ndarray, path: Path) -> None:
    """Writes samples [walks, frames, side, side, side, 1] as an MP4 that plays one walk after the other."""
    write_mp4(frames_of(walks), path, 1000 // FRAME)


def frames_of(walks: np.ndarray) -> list[np.ndarray]:
    return [drawn(sample[..., 0] > 0) for walk in walks for sample in walk]


def write_picture(sample: np.ndarray, path: Path) -> None:
    """Writes one sample [side, side, side, 1] from the front and from behind."""
    write(from_both_sides(sample), path)


def write_scene(samples: np.ndarray, path: Path) -> None:
    """Writes samples [N, side, side, side, 1] as a GLB, side by side on the floor, each a mesh one metre long."""
    write_on_floor(samples, math.ceil(math.sqrt(len(samples))), path)


def write_walks_on_floor(walks: np.ndarray, path: Path) -> None:
    """Writes samples [walks, frames, side, side, side, 1] as a GLB, one walk in each row on the floor."""
    write_on_floor(walks.reshape(-1, *walks.shape[2:]), walks.shape[1], path)


def write_on_floor(samples: np.ndarray, columns: int, path: Path) -> None:
    trimesh = import_trimesh()
    scene = trimesh.Scene()
    for number, sample in enumerate(samples):
        row, column = divmod(number, columns)
        mesh = mesh_of(sample)
        if len(mesh.faces):
            mesh.apply_translation((SPACING * column, 0, SPACING * row))
            scene.add_geometry(mesh, node_name=f"{number:05d}")
    path.write_bytes(trimesh.exchange.gltf.export_glb(scene))  # of an empty scene too, which scene.export refuses


def write_glb(sample: np.ndarray, path: Path) -> None:
    """Writes one sample [side, side, side, 1] as a mesh one metre long, y up."""
    write_scene(sample[None], path)


def write_stl(sample: np.ndarray, path: Path) -> None:
    """Writes one sample [side, side, side, 1] as a mesh of one millimetre per voxel, z up as for printers."""
    mesh = mesh_of(sample)
    mesh.vertices = len(sample) * mesh.vertices[:, [0, 2, 1]] * [1, -1, 1]
    path.write_bytes(mesh.export(file_type="stl"))


def from_both_sides(sample: np.ndarray) -> NDArray[np.uint8]:
    full = sample[..., 0] > 0
    return np.concatenate([drawn(full), drawn(full[::-1, :, ::-1])], 1)


def drawn(full: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Voxels [side, side, side] as a picture [4 side, 4 side, 3] in dimetric projection, lit from above.

    Cubes are painted from far to near. A face is darker the more voxels are around it, as in a corner.
    """
    from scipy.ndimage import uniform_filter

    side = len(full)
    light = 1.3 - uniform_filter(full.astype(np.float32), 7, mode="constant")
    x, y, z = np.nonzero(full)
    order = np.argsort(x + y + z, kind="stable")
    x, y, z = x[order], y[order], z[order]
    left, top = 2 * (x - z) + 2 * side - 2, x + z + 2 * (side - 1 - y)
    picture = np.full((4 * side, 4 * side, 3), 255, np.uint8)
    rows, columns, faces = np.array(CUBE).T
    shade = np.clip(light[x, y, z, None] * BRIGHTNESS[faces], 0, 1.25)
    picture[top[:, None] + rows, left[:, None] + columns] = np.round(COLOUR * shade[..., None])
    return picture


def mesh_of(sample: np.ndarray) -> Any:
    """The surface at 0 as a closed trimesh in [0, 1] along each axis; without faces if nothing is full.

    It uses marching cubes (Lorensen & Cline 1987), since scikit-image's default leaves gaps where diagonal voxels of
    one value meet. The space outside the sample is empty.
    """
    trimesh = import_trimesh()
    try:
        from skimage.measure import marching_cubes
    except ModuleNotFoundError as error:
        raise UserError("meshes are made by scikit-image: pip install 'gan-jax[shapes]'") from error
    value = np.asarray(sample[..., 0], np.float32)
    value = np.pad(np.where(value > 0, np.maximum(value, CLEAR), np.minimum(value, -CLEAR)), 1, constant_values=-1)
    if not (value > 0).any():
        return trimesh.Trimesh()
    with warnings.catch_warnings():  # scikit-image 0.26 sets arrays' shapes, which NumPy 2.5 deprecates
        warnings.filterwarnings("ignore", "Setting the shape", DeprecationWarning)
        vertices, faces, *_ = marching_cubes(value, 0.0, gradient_direction="ascent", method="lorensen")
    return trimesh.Trimesh((vertices - 0.5) / len(sample), faces, process=False)


def import_trimesh() -> Any:
    """Raises ValueError if trimesh isn't installed."""
    try:
        import trimesh
    except ModuleNotFoundError as error:
        raise UserError("meshes are written by trimesh: pip install 'gan-jax[shapes]'") from error
    return trimesh


shapes = View(
    together={".png": write_grid, ".glb": write_scene},
    single={".glb": write_glb, ".stl": write_stl, ".png": write_picture},
    walks={".png": write_strips, ".gif": write_film, ".mp4": write_video, ".glb": write_walks_on_floor},
    rows=write_strips,
    recipe={"kind": "shapes"},
)
"""The view of shapes [side, side, side, 1] in voxels: PNG pictures, and GLB and STL meshes."""
