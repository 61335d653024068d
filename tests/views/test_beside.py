"""Samples beside their conditions, and one array of samples that have several."""

import numpy as np
from PIL import Image

from gan_jax import views

BLACK, WHITE = -1.0, 1.0


def test_each_sample_is_to_the_right_of_its_condition_in_its_size(tmp_path):
    conditions = np.stack([np.full((14, 14, 1), shade) for shade in (BLACK, WHITE)])
    samples = np.full((4, 56, 56, 3), 0.2)
    views.beside(conditions).together[".png"](samples, tmp_path / "pairs.png")
    pixels = np.asarray(Image.open(tmp_path / "pairs.png"))
    assert pixels.shape == (56 + 2 + 56, 112 + 2 + 112, 3)
    for row in (0, 58):
        for column, shade in ((0, 0), (114, 255)):
            assert (pixels[row : row + 56, column : column + 56] == shade).all()
            assert (pixels[row : row + 56, column + 56 : column + 112] == 153).all()


def test_conditions_are_enlarged_pixel_by_pixel(tmp_path):
    condition = np.array([[BLACK, WHITE], [WHITE, BLACK]])[None, :, :, None]
    views.beside(condition).together[".png"](np.full((1, 56, 56, 1), BLACK), tmp_path / "one.png")
    left = np.asarray(Image.open(tmp_path / "one.png"))[:, :56]
    np.testing.assert_array_equal(left, np.kron([[0, 255], [255, 0]], np.ones((28, 28))))


def test_the_view_of_one_part_writes_what_that_of_the_array_does(tmp_path):
    images = np.random.default_rng(0).uniform(-1, 1, (3, 2, 8, 8, 1))
    view = views.part(lambda samples: samples["photo"], views.images)
    for name in ("together", "single", "walks"):
        whole = getattr(views.images, name)
        samples = images[0, 0] if name == "single" else images if name == "walks" else images[0]
        assert getattr(view, name).keys() == whole.keys()
        for ending, write in getattr(view, name).items():
            write({"photo": samples, "sketch": None}, tmp_path / f"part{ending}")
            whole[ending](samples, tmp_path / f"whole{ending}")
            assert (tmp_path / f"part{ending}").read_bytes() == (tmp_path / f"whole{ending}").read_bytes()
    view.rows({"photo": images}, tmp_path / "rows.png")
    assert (tmp_path / "rows.png").read_bytes() == (tmp_path / "whole.png").read_bytes()  # of walks
    assert views.part(lambda samples: samples, views.images._replace(rows=None)).rows is None
