"""Pictures over training are evenly spaced, and small enough for a page."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from gan_jax.report import pictures
from gan_jax.report.read import read_runs


@pytest.fixture
def noise(tmp_path):
    """A picture that doesn't compress."""
    pixels = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    return tmp_path / "noise.png"


def opened(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def test_a_small_picture_stays_as_it_is(noise):
    uri = pictures.embedded(noise, 10**6)
    assert uri.startswith("data:image/png;base64,")
    assert base64.b64decode(uri.partition(",")[2]) == noise.read_bytes()


@pytest.mark.parametrize("most", [150_000, 50_000, 10_000, 3000])
def test_a_large_picture_is_made_small_enough(noise, most):
    uri = pictures.embedded(noise, most)
    assert uri.startswith("data:image/webp")
    assert len(base64.b64decode(uri.partition(",")[2])) <= most
    with opened(uri) as picture:
        assert max(picture.size) >= 32
    assert pictures.embedded(noise, most) == uri


def test_a_picture_that_is_being_written_is_left_out(noise, tmp_path):
    (tmp_path / "half.png").write_bytes(noise.read_bytes()[:1000])
    (tmp_path / "text.png").write_text("no picture")
    for name in ("half.png", "text.png", "none.png"):
        assert pictures.embedded(tmp_path / name, 10**6) is None


def test_the_first_and_the_last_of_many_pictures_are_shown(tmp_path):
    many = [(step, tmp_path) for step in range(1000)]
    some = pictures.evenly(many, 40)
    assert len(some) == 40
    assert (some[0], some[-1]) == (many[0], many[-1])
    gaps = np.diff([step for step, _ in some])
    assert gaps.max() - gaps.min() <= 1
    assert pictures.evenly(many[:3], 40) == many[:3]
    assert pictures.evenly([], 40) == []


def test_each_game_has_its_pictures(three_games):
    (games,) = pictures.strips_of(read_runs([three_games]))
    assert [(strip.game, strip.there, [picture.step for picture in strip.pictures]) for strip in games] == [
        (game, 2, [3, 6]) for game in range(3)
    ]
    assert len({strip.pictures[-1].uri for strip in games}) == 3
