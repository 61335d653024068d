"""What is written plays, whole and in order, also once it says of itself that it is synthetic."""

import sys

import av
import numpy as np
import pytest
from PIL import Image

from gan_jax import views
from gan_jax.storage import provenance
from gan_jax.views.films import write_mp4

ORIGIN = provenance.Origin("relativistic_video", "ab12", 400, 7)
SHADES = np.linspace(-1, 1, 16, dtype=np.float32)


def clips(count=5, frames=16, height=32, width=32, channels=1):
    """Each frame of one shade, darker or brighter than the one before; clip i begins at frame i."""
    shades = np.stack([np.roll(SHADES, -i)[:frames] for i in range(count)])
    return np.broadcast_to(shades[..., None, None, None], (count, frames, height, width, channels)).copy()


def pixels(shades):
    return np.round((shades + 1) * 127.5)


def frames_of_gif(path):
    with Image.open(path) as film:
        found = []
        for number in range(film.n_frames):
            film.seek(number)
            found.append(np.asarray(film.convert("L")))
        return np.stack(found)


def frames_of_mp4(path):
    with av.open(path) as film:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)])


def test_a_strip_has_a_clip_a_row(tmp_path):
    views.videos.together[".png"](clips(20), tmp_path / "all.png")
    strip = np.asarray(Image.open(tmp_path / "all.png"))
    assert strip.shape == (20 * 34 - 2, 16 * 34 - 2)
    np.testing.assert_array_equal(strip[34 * 2, ::34], pixels(np.roll(SHADES, -2)))


def test_a_film_shows_every_frame_of_every_clip_side_by_side(tmp_path):
    views.videos.together[".gif"](clips(), tmp_path / "all.gif")
    found = frames_of_gif(tmp_path / "all.gif")
    assert found.shape == (16, 4 * (2 * 34 - 2), 4 * (3 * 34 - 2))
    for clip in range(5):
        np.testing.assert_array_equal(
            found[:, (clip // 3) * 34 * 4 + 9, (clip % 3) * 34 * 4 + 9], pixels(np.roll(SHADES, -clip))
        )


@pytest.mark.parametrize("suffix", [".gif", ".mp4", ".png"])
def test_one_clip_is_written_in_each_format_and_again_to_the_same_bytes(tmp_path, suffix):
    for name in ("one", "other"):
        views.videos.single[suffix](clips(1)[0], tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"one{suffix}").read_bytes() == (tmp_path / f"other{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_a_film_that_says_that_it_is_synthetic_plays_as_before(tmp_path, suffix):
    file = tmp_path / f"one{suffix}"
    views.videos.single[suffix](clips(1)[0], file)
    read = {".gif": frames_of_gif, ".mp4": frames_of_mp4}[suffix]
    before = read(file)
    provenance.mark([file], ORIGIN)
    np.testing.assert_array_equal(read(file), before)
    assert len(before) == 16
    assert provenance.inspect(file) == ORIGIN.as_dict()


def test_a_video_is_h264_for_every_player_and_keeps_shades_and_colours(tmp_path):
    x = clips(1, height=35, width=33, channels=3)
    x[..., 1:] = -1  # red alone
    views.videos.together[".mp4"](x, tmp_path / "all.mp4")
    with av.open(tmp_path / "all.mp4") as film:
        stream = film.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate == 10
    found = frames_of_mp4(tmp_path / "all.mp4").astype(float)
    assert found.shape == (16, 3 * 35 - 1, 3 * 33 - 1, 3)  # sides are even
    assert np.abs(found[..., 0].mean((1, 2)) - pixels(SHADES)).max() < 6
    assert found[..., 1:].mean() < 6


def test_walks_are_films_with_a_walk_a_row(tmp_path):
    views.videos.walks[".gif"](clips(6).reshape(2, 3, 16, 32, 32, 1), tmp_path / "walks.gif")
    assert frames_of_gif(tmp_path / "walks.gif").shape == (16, 4 * (2 * 34 - 2), 4 * (3 * 34 - 2))
    views.videos.walks[".mp4"](clips(6).reshape(2, 3, 16, 32, 32, 1), tmp_path / "walks.mp4")
    assert frames_of_mp4(tmp_path / "walks.mp4").shape[:3] == (16, 4 * (2 * 34 - 2), 4 * (3 * 34 - 2))


def test_without_pyav_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"writing MP4 needs PyAV: pip install 'gan-jax\[video\]'"):
        views.videos.single[".mp4"](clips(1)[0], tmp_path / "one.mp4")


@pytest.mark.exhaustive
def test_a_small_film_has_the_same_bytes_however_often_it_is_written(tmp_path):
    """An encoder that reads memory that wasn't set differs once in some hundred times."""
    rng = np.random.default_rng(0)
    noise, column = rng.integers(0, 128, (32, 32, 3)), np.indices((32, 32))[1][..., None]
    frames = [(noise + 60 * (column > 3 * k)).astype(np.uint8) for k in range(8)]
    found = set()
    for _ in range(3000):
        others = [rng.bytes(int(rng.integers(1, 400_000))) for _ in range(5)]  # in memory that is used again
        write_mp4(frames, tmp_path / "film.mp4", 10)
        found.add((tmp_path / "film.mp4").read_bytes())
        del others
    assert len(found) == 1
