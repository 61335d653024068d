"""Meshes become voxels: solids of known size, and surfaces that aren't closed."""

import numpy as np
import pytest
import trimesh
from mesh_files import write_obj

from gan_jax.data import voxels as voxels_module
from gan_jax.data.voxels import is_closed, voxelise

BOX = trimesh.creation.box((1, 2, 1))
SHEET = BOX.vertices[BOX.faces[:2]]


def write(mesh, path):
    mesh.export(path)
    return path


@pytest.mark.parametrize("suffix", [".obj", ".stl", ".ply", ".glb", ".off"])
def test_a_box_is_full_in_every_format_and_stands_in_the_middle(tmp_path, suffix):
    voxels = voxelise(write(trimesh.creation.box((4, 2, 1)), tmp_path / f"box{suffix}"), 8)
    assert voxels[:, 2:6, 3:5].all()
    assert voxels.sum() <= 8 * 5 * 3


def test_a_ball_is_as_large_as_a_ball(tmp_path):
    voxels = voxelise(write(trimesh.creation.icosphere(3), tmp_path / "ball.stl"), 32)
    assert voxels.sum() / 32**3 == pytest.approx(np.pi / 6, rel=0.15)  # more by half a voxel all around


def test_many_large_triangles_are_drawn_a_part_at_a_time(tmp_path, monkeypatch):
    corners = np.random.default_rng(0).random((60, 3))
    soup = write(trimesh.Trimesh(corners, np.arange(60).reshape(-1, 3), process=False), tmp_path / "soup.stl")
    whole, calls = voxelise(soup, 16), []
    subdivide = trimesh.remesh.subdivide_to_size

    def counted(vertices, faces, *rest, **settings):
        calls.append(len(faces))
        return subdivide(vertices, faces, *rest, **settings)

    monkeypatch.setattr(voxels_module, "AT_ONCE", 5000)
    monkeypatch.setattr(trimesh.remesh, "subdivide_to_size", counted)
    assert (voxelise(soup, 16) == whole).all()
    assert sum(calls) == 20
    assert 0 < max(calls) < 10


def test_what_points_up_in_the_file_points_up(tmp_path):
    mesh = trimesh.creation.box(bounds=[(0, 0, 0), (1, 2, 4)])
    assert extents(voxelise(write(mesh, tmp_path / "y.stl"), 8)) == pytest.approx([2, 4, 8], abs=1)
    assert extents(voxelise(write(mesh, tmp_path / "z.stl"), 8, "z")) == pytest.approx([2, 8, 4], abs=1)
    wedge = trimesh.Trimesh([(0, 0, 0), (1, 0, 0), (0, 0, 1), (0, 4, 0)], [(0, 2, 1), (0, 1, 3), (1, 2, 3), (2, 0, 3)])
    voxels = voxelise(write(wedge, tmp_path / "wedge.stl"), 8, "y")
    assert voxels[:, 0].sum() > voxels[:, 7].sum()
    turned = wedge.apply_transform(trimesh.transformations.rotation_matrix(np.pi / 2, (1, 0, 0)))  # y to z
    assert (voxelise(write(turned, tmp_path / "turned.stl"), 8, "z") == voxels).all()


def test_a_mesh_that_is_not_closed_is_a_surface_and_what_it_encloses(tmp_path):
    box = trimesh.creation.box((1, 1, 1))
    opened = trimesh.Trimesh(box.vertices, box.faces[box.face_normals[:, 1] < 0.5])
    assert not opened.is_watertight
    voxels = voxelise(write(opened, tmp_path / "open.ply"), 8)
    assert voxels[:, 0].all()
    assert not voxels[1:-1, 1:, 1:-1].any()


@pytest.mark.parametrize(
    ("corners", "closed"),
    [
        (BOX.triangles, True),
        (np.concatenate([BOX.triangles, BOX.triangles[:, ::-1]]), True),
        (np.concatenate([BOX.triangles, [[BOX.vertices[0], BOX.vertices[1], BOX.vertices[1]]]]), True),
        (1e-12 * BOX.triangles, True),
        (np.concatenate([BOX.triangles, BOX.triangles + 1]), True),
        (BOX.triangles[1:], False),
        (np.concatenate([SHEET, SHEET[:, ::-1]]), False),
    ],
    ids=["box", "twice", "with a line", "tiny", "two", "open", "sheet of two sides"],
)
def test_closed_is_what_has_no_open_edge(corners, closed):
    assert is_closed(corners) == closed


def test_size_and_place_do_not_matter(tmp_path):
    box = trimesh.creation.box((1, 2, 1)).triangles
    whole = voxelise(write_obj(box, tmp_path / "a.obj"), 8)
    assert (voxelise(write_obj(1e-9 * box, tmp_path / "b.obj"), 8) == whole).all()
    assert (voxelise(write_obj(1e12 * box, tmp_path / "c.obj"), 8) == whole).all()
    assert (voxelise(write_obj(box + np.array((4e5, 5e6, 100)), tmp_path / "d.obj"), 8) == whole).all()


def extents(voxels):
    return [int(voxels.any(axis).sum()) for axis in ((1, 2), (0, 2), (0, 1))]
