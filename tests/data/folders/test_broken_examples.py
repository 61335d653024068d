"""What a reviewer broke: frames that were merged, mirrored references."""

import numpy as np
import pytest
from PIL import Image

from gan_jax.data.folders.clips import clips
from gan_jax.data.source import on_device
from gan_jax.data.transforms import mirror


def test_frames_that_a_gif_has_merged_count_each(tmp_path):
    shades = [Image.new("L", (8, 8), shade) for shade in (0, 0, 0, 200, 90)]
    shades[0].save(tmp_path / "still.gif", save_all=True, append_images=shades[1:], duration=100)
    with Image.open(tmp_path / "still.gif") as image:
        assert image.n_frames == 3
    assert clips(tmp_path, size=8, frames=5, channels=1).size == 1


def test_the_parts_of_a_mirrored_source_are_as_they_were():
    source = on_device(np.zeros((4, 2, 2, 1), np.uint8))
    assert mirror(source, 1).split("train") is source
    with pytest.raises(ValueError, match="no split 'test'"):
        mirror(source, 1).split("test")
