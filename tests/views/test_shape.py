"""Shapes as pictures and meshes: what is drawn, closed surfaces, nothing at all, and what files say of their origin."""

import sys

import numpy as np
import PIL.Image
import pytest
import trimesh

from gan_jax import views
from gan_jax.storage import provenance
from gan_jax.views.shape import drawn, mesh_of

RNG = np.random.default_rng(0)
ALL = [(kind, ending) for kind in ("together", "single", "walks") for ending in getattr(views.shapes, kind)]
BALL = (1 - 3 * np.linalg.norm(np.indices((8, 8, 8)) - 3.5, axis=0)[..., None] / 8).astype(np.float32)


def given(kind: str, sample: np.ndarray) -> np.ndarray:
    return {"single": sample, "together": np.stack([sample] * 3), "walks": np.stack([np.stack([sample] * 2)] * 3)}[kind]


@pytest.mark.parametrize(("kind", "ending"), ALL)
@pytest.mark.parametrize("sample", [BALL, -np.ones_like(BALL), np.zeros_like(BALL), np.ones_like(BALL)])
def test_every_writer_takes_any_sample_and_writes_the_same_bytes_again(kind, ending, sample, tmp_path):
    files = [tmp_path / f"{number}{ending}" for number in range(2)]
    for file in files:
        getattr(views.shapes, kind)[ending](given(kind, sample), file)
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_picture_shows_a_cube_a_voxel_lit_from_above_where_nearer_ones_hide_those_behind():
    full = np.zeros((8, 8, 8), bool)
    assert (drawn(full) == 255).all()
    full[3, 3, 3] = True
    one = drawn(full)
    assert one.shape == (32, 32, 3)
    assert (one != 255).any(2).sum() == 16
    assert len(np.unique(one.reshape(-1, 3), axis=0)) == 4  # white, and three sides
    rows = np.flatnonzero((one != 255).any((1, 2)))
    assert one[rows[0]].min() > one[rows[-1]].min()
    full[4, 4, 4] = True  # just before it, to who looks
    assert ((drawn(full) != 255) == (one != 255)).all()


def test_the_corner_voxels_are_inside_the_picture():
    full = np.zeros((4, 4, 4), bool)
    full[::3, ::3, ::3] = True
    assert (drawn(full) != 255).any(2).sum() == 16 * 7  # the nearest of eight hides the farthest


def test_a_grid_is_nearly_square(tmp_path):
    views.shapes.together[".png"](np.stack([BALL] * 18), tmp_path / "grid.png")
    with PIL.Image.open(tmp_path / "grid.png") as picture:
        assert picture.size == (3 * 64 + 2 * 2, 6 * 32 + 5 * 2)


@pytest.mark.parametrize("sample", [BALL, np.ones_like(BALL), np.sign(RNG.normal(size=BALL.shape)), RNG.integers(
    -1, 2, BALL.shape).astype(np.float32)], ids=["ball", "full", "noise", "noise with zeros"])  # fmt: skip
def test_a_mesh_is_closed_and_its_normals_point_outwards(sample):
    mesh = mesh_of(sample)
    assert mesh.is_watertight
    assert mesh.volume > 0
    assert mesh.volume == pytest.approx(np.mean(sample > 0), rel=0.5)


def test_a_scene_holds_each_shape_apart_upright_and_nothing_of_an_empty_one(tmp_path):
    tall = -np.ones_like(BALL)
    tall[3:5, :, 3:5] = 1
    views.shapes.together[".glb"](np.stack([tall, -tall * 0 - 1, tall, tall]), tmp_path / "scene.glb")
    scene = trimesh.load_scene(tmp_path / "scene.glb")
    assert len(scene.geometry) == 3
    (low, high) = scene.bounds
    np.testing.assert_allclose(high - low, [1.25 + 0.25, 1, 1.25 + 0.25], atol=0.01)


def test_a_print_stands_upright_a_millimetre_a_voxel(tmp_path):
    tall = -np.ones_like(BALL)
    tall[3:5, :, 3:5] = 1
    views.shapes.single[".stl"](tall, tmp_path / "tall.stl")
    mesh = trimesh.load_mesh(tmp_path / "tall.stl")
    np.testing.assert_allclose(np.ptp(mesh.bounds, 0), [2, 2, 8], atol=0.01)
    assert mesh.is_watertight
    assert mesh.volume > 0


@pytest.mark.parametrize("ending", [".glb", ".stl", ".png"])
def test_a_marked_file_holds_the_same_and_says_what_made_it(ending, tmp_path):
    file = tmp_path / f"ball{ending}"
    views.shapes.single[ending](BALL, file)
    before = content(file)
    provenance.mark([file], provenance.Origin("gan3d", "0" * 64, 100, 7, "1"))
    np.testing.assert_array_equal(content(file), before)
    found = provenance.inspect(file)
    assert found["digital_source_type"] == provenance.SYNTHETIC
    assert (found["step"], found["seed"]) == (100, 7)
    assert (tmp_path / provenance.SIDECAR).exists() == (ending == ".stl")


def content(file):
    return np.asarray(PIL.Image.open(file)) if file.suffix == ".png" else trimesh.load_mesh(file).vertices


def test_an_empty_scene_can_be_marked_and_read(tmp_path):
    views.shapes.single[".glb"](-BALL * 0 - 1, tmp_path / "empty.glb")
    provenance.mark([tmp_path / "empty.glb"], provenance.Origin("gan3d", "0" * 64, 100, 7, "1"))
    assert provenance.inspect(tmp_path / "empty.glb")["seed"] == 7
    assert not trimesh.load_scene(tmp_path / "empty.glb").geometry


def test_pictures_need_neither_trimesh_nor_scikit_image_and_meshes_name_them(tmp_path, monkeypatch):
    for missing in ("trimesh", "skimage.measure"):
        with monkeypatch.context() as patched:
            patched.setitem(sys.modules, missing, None)
            views.shapes.together[".png"](BALL[None], tmp_path / "ball.png")
            with pytest.raises(ValueError, match=r"pip install 'gan-jax\[shapes\]'"):
                views.shapes.single[".glb"](BALL, tmp_path / "ball.glb")


def test_walks_are_films_frame_by_frame_and_rows_on_the_floor(tmp_path):
    walks = np.stack([np.stack([BALL, -np.ones_like(BALL), BALL])] * 2)
    views.shapes.walks[".gif"](walks, tmp_path / "walk.gif")
    with PIL.Image.open(tmp_path / "walk.gif") as film:
        assert film.n_frames >= 4  # a GIF may join equal frames
    views.shapes.walks[".glb"](walks, tmp_path / "walk.glb")
    scene = trimesh.load_scene(tmp_path / "walk.glb")
    middles = sorted(tuple(np.round(mesh.bounds.mean(0), 1)) for mesh in scene.dump())
    assert [(x, z) for x, _, z in middles] == [(0.5, 0.5), (0.5, 1.8), (3.0, 0.5), (3.0, 1.8)]
