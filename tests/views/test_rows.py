"""A sample beside its nearest neighbours is a row, of whatever kind it is."""

import numpy as np
import pytest
from PIL import Image

from gan_jax import views

KINDS = {
    "images": (views.images, (60, 60, 1)),
    "shapes": (views.shapes, (8, 8, 8, 1)),
    "sounds": (views.sounds(), (2048, 1)),
    "text": (views.text("ab c", frozenset({"a"})), (12, 4)),
    "videos": (views.videos, (3, 60, 60, 1)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_rows(tmp_path, kind):
    view, shape = KINDS[kind]
    samples = np.random.default_rng(0).uniform(-1, 1, (10, 4, *shape))

    def written(rows: int, columns: int) -> np.ndarray:
        view.rows(samples[:rows, :columns], tmp_path / "rows.png")
        with Image.open(tmp_path / "rows.png") as image:
            return np.asarray(image.convert("L"))

    whole, shorter, narrower = written(10, 4), written(9, 4), written(10, 3)
    assert whole.shape[1] == shorter.shape[1] > narrower.shape[1]
    assert whole.shape[0] == narrower.shape[0] > shorter.shape[0]
    top = shorter.shape[0] // 2
    np.testing.assert_array_equal(whole[:top], shorter[:top])


def test_points_have_no_rows():
    assert views.points.rows is None
