"""A folder of meshes: solids of known voxels, surfaces that aren't closed, files that are no meshes."""

import re
import sys

import numpy as np
import pytest
import trimesh
from source_properties import check_epochs, check_resumes, check_shapes, take

from gan_jax.data.folders.meshes import meshes


def write(mesh, path):
    mesh.export(path)
    return path


@pytest.fixture
def folder(tmp_path):
    for number in range(1, 4):
        write(trimesh.creation.box((4, number, 1)), tmp_path / f"box{number}.obj")
    return tmp_path


def test_it_is_a_source(folder):
    source = meshes(folder, side=8)
    assert source.example.x.shape == (8, 8, 8, 1)
    check_shapes(source)
    check_resumes(source)
    sizes = sorted(np.asarray(take(source, 1, batch_size=3)[0].x > 0).sum((1, 2, 3, 4)))
    check_epochs(source, lambda x: np.searchsorted(sizes, np.asarray(x > 0).sum((1, 2, 3, 4))))


def test_meshes_that_are_not_closed_are_counted(folder, caplog):
    meshes(folder, side=8)
    assert not caplog.records
    box = trimesh.creation.box((1, 1, 1))
    write(trimesh.Trimesh(box.vertices, box.faces[1:]), folder / "open.stl")
    assert meshes(folder, side=8).size == 4
    (record,) = caplog.records
    assert "1 of 4 meshes aren't closed, and may be hollow: open.stl" in record.getMessage()


BOX = trimesh.creation.box((1, 2, 1))


def cut(data):
    return data[:-30]


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("empty.stl", b"", "is empty"),
        ("text.obj", b"<html>", "holds no faces"),
        ("points.obj", b"v 0 0 0\nv 1 0 0\nv 0 1 0\n", "holds no faces"),
        ("point.obj", b"v 1 1 1\nf 1 1 1\n", "is a single point"),
        ("nan.off", b"OFF\n3 1 0\n0 0 nan\n1 0 0\n0 1 0\n3 0 1 2\n", "holds coordinates that aren't finite"),
        ("cut.stl", cut(BOX.export(file_type="stl")), r"is cut short or damaged: \d+ of 12 faces"),
        ("ascii.stl", cut(BOX.export(file_type="stl_ascii").encode()), "is cut short or damaged: 0 of 11 faces"),
        ("ascii.ply", cut(BOX.export(file_type="ply", encoding="ascii")), r"is cut short or damaged: \d+ of 12 faces"),
        (
            "cut.off",
            b"OFF # a box\n#\n" + cut(BOX.export(file_type="off").encode()[4:]),
            r"is cut short .*: \d+ of 12 faces",
        ),
        ("cut.ply", cut(BOX.export(file_type="ply")), "ValueError: PLY is unexpected length"),
        ("cut.glb", cut(BOX.export(file_type="glb")), "ValueError: chunk was not expected length"),
    ],
)
def test_what_is_no_whole_mesh_is_skipped_and_the_reason_given(folder, name, data, why, caplog):
    (folder / name).write_bytes(data)
    source = meshes(folder, side=8)
    ((what, reason),) = source.found.skipped
    assert what == name
    assert re.match(why, reason)
    assert f"{folder}: 3 meshes, 1 skipped ({name}: {reason})" in caplog.text


def test_other_files_are_counted_but_those_that_meshes_are_made_of(folder):
    for name in ("a.mtl", "a.bin", "wood.png", "b.blend"):
        (folder / name).touch()
    assert meshes(folder, side=8).found.ignored == {".blend": 1, ".png": 1}


def test_a_folder_without_a_readable_mesh_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="isn't a folder"):
        meshes(tmp_path / "none")
    with pytest.raises(ValueError, match="holds no meshes"):
        meshes(tmp_path)
    (tmp_path / "broken.obj").write_bytes(b"no mesh")
    with pytest.raises(ValueError, match=r"holds no meshes that can be used: 1 skipped \(broken.obj: holds no faces\)"):
        meshes(tmp_path)
    with pytest.raises(ValueError, match="31 voxels a side"):
        meshes(tmp_path, side=31)


def test_folders_are_told_apart_by_their_shapes_and_not_by_their_names(folder):
    before = meshes(folder, side=8).name
    folder = folder.rename(f"{folder} moved")
    assert before == meshes(folder, side=8).name
    write(trimesh.creation.box((1, 1, 1)), folder / "another.obj")
    assert meshes(folder, side=8).name != before


def test_without_trimesh_there_is_one_line(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(ValueError, match=r"pip install 'gan-jax\[shapes\]'"):
        meshes(folder)
