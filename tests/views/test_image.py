"""What is written can be read back as what it was."""

import av
import numpy as np
import pytest
from PIL import Image

from gan_jax import views
from gan_jax.views import image


@pytest.mark.parametrize("channels", [1, 3])
def test_a_single_image_keeps_its_pixels(tmp_path, channels):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    views.images.single[".png"](pixels / 127.5 - 1, tmp_path / "one.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "one.png")).reshape(5, 7, channels), pixels)


def test_a_grid_reads_from_left_to_right(tmp_path):
    shades = np.linspace(-1, 1, 5)[:, None, None, None] * np.ones((5, 60, 60, 1))
    views.images.together[".png"](shades, tmp_path / "grid.png")
    grid = np.asarray(Image.open(tmp_path / "grid.png"))
    assert grid.shape == (2 * 62 - 2, 3 * 62 - 2)
    corners = [grid[row * 62, column * 62] for row in range(2) for column in range(3)]
    np.testing.assert_array_equal(corners, [0, 64, 128, 191, 255, 255])


def test_small_images_are_enlarged_to_be_read(tmp_path):
    views.images.together[".png"](np.zeros((1, 14, 14, 3)), tmp_path / "grid.png")
    assert np.asarray(Image.open(tmp_path / "grid.png")).shape == (56, 56, 3)


def test_values_beyond_the_range_are_clipped():
    np.testing.assert_array_equal(image.to_uint8(np.array([-3.0, -1.0, 0.0, 1.0, 9.0])), [0, 0, 128, 255, 255])


def test_points_are_written_as_coordinates_and_as_a_picture(tmp_path):
    points = np.array([[0.5, -1.25], [1.0, 2.0]])
    views.points.single[".csv"](points[0], tmp_path / "one.csv")
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "one.csv", delimiter=","), points[0])
    views.points.together[".png"](points, tmp_path / "all.png")
    first = (tmp_path / "all.png").read_bytes()
    views.points.together[".png"](points, tmp_path / "all.png")
    assert (tmp_path / "all.png").read_bytes() == first


def test_a_walk_is_a_row_of_a_strip_and_a_part_of_a_film(tmp_path):
    shades = np.linspace(-1, 1, 6).reshape(2, 3, 1, 1, 1) * np.ones((2, 3, 60, 60, 1))
    views.images.walks[".png"](shades, tmp_path / "strip.png")
    strip = np.asarray(Image.open(tmp_path / "strip.png"))
    corners = [[strip[row * 62, column * 62] for column in range(3)] for row in range(2)]
    np.testing.assert_array_equal(corners, [[0, 51, 102], [153, 204, 255]])
    views.images.walks[".gif"](shades, tmp_path / "film.gif")
    with Image.open(tmp_path / "film.gif") as film:
        assert (film.n_frames, film.info["loop"]) == (6, 0)
        shown = []
        for number in range(6):
            film.seek(number)
            shown.append(np.asarray(film.convert("L"))[0, 0])
    np.testing.assert_allclose(shown, [0, 51, 102, 153, 204, 255], atol=1)


def test_a_walk_plays_as_a_video(tmp_path):
    shades = np.linspace(-1, 1, 6).reshape(2, 3, 1, 1, 1) * np.ones((2, 3, 60, 60, 1))
    views.images.walks[".mp4"](shades, tmp_path / "walk.mp4")
    with av.open(tmp_path / "walk.mp4") as film:
        shown = [frame.to_ndarray(format="gray")[30, 30] for frame in film.decode(video=0)]
    np.testing.assert_allclose(shown, [0, 51, 102, 153, 204, 255], atol=6)
