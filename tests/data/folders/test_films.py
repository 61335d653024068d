"""Films are seen as a player shows them, and broken ones have a reason."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
import soundfile

from gan_jax.data.folders.films import check_av, frames_of, turned
from gan_jax.data.found import Unusable


def write(path, codec="mpeg4", frames=None, aspect=None, options=None):
    frames = [noise(i) for i in range(40)] if frames is None else frames
    with av.open(str(path), "w", options=options or {}) as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 8_000_000
        if aspect:
            stream.sample_aspect_ratio = aspect
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode())
    return path


def noise(seed):
    return np.random.default_rng(seed).integers(0, 255, (32, 32, 3), np.uint8)


def corner():
    """A frame that is light in its upper left corner."""
    frame = np.zeros((32, 48, 3), np.uint8)
    frame[:12, :12] = 255
    return frame


@pytest.mark.parametrize("across", [1, -1])
@pytest.mark.parametrize("down", [1, -1])
@pytest.mark.parametrize("swapped", [False, True])
def test_a_display_matrix_says_where_each_pixel_is_shown(across, down, swapped):
    image = np.arange(6).reshape(2, 3)
    a, b, c, d = (0, down, across, 0) if swapped else (across, 0, 0, down)
    y, x = np.indices(image.shape)
    column, row = a * x + c * y, b * x + d * y
    found = turned(image[..., None], np.array([a, b, 0, c, d, 0, 0, 0, 1]) * 2**16)
    np.testing.assert_array_equal(found[row - row.min(), column - column.min(), 0], image)


def test_a_film_of_a_turned_phone_is_upright(tmp_path):
    path = write(tmp_path / "a.mp4", frames=[np.ascontiguousarray(np.rot90(corner()))])
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 44
    assert data[place : place + 36] == struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    data[place : place + 36] = struct.pack(">9i", 0, 1 << 16, 0, -1 << 16, 0, 0, 48 << 16, 0, 1 << 30)
    path.write_bytes(data)
    (image,) = frames_of(path)
    assert image.size == (48, 32)
    np.testing.assert_allclose(np.asarray(image), corner(), atol=30)


@pytest.mark.parametrize(("aspect", "size"), [(Fraction(2), (96, 32)), (Fraction(2, 3), (48, 48))])
def test_pixels_that_are_not_square_are_shown_as_wide_as_they_are(tmp_path, aspect, size):
    (image,) = frames_of(write(tmp_path / "a.mkv", frames=[corner()], aspect=aspect))
    assert image.size == size
    light = np.asarray(image)[:, :, 1] > 128
    assert light.any(0).sum() / size[0] == pytest.approx(12 / 48, abs=0.02)
    assert light.any(1).sum() / size[1] == pytest.approx(12 / 32, abs=0.02)


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mkv", "mpeg4", {}),
        ("a.avi", "mpeg4", {}),
        ("a.mp4", "mpeg4", {}),
        ("front.mp4", "mpeg4", {"movflags": "faststart"}),
        ("a.mpg", "mpeg2video", {}),
        ("a.ts", "mpeg2video", {}),
        ("a.wmv", "wmv2", {}),
        ("a.flv", "flv1", {}),
    ],
)
def test_a_film_of_any_format_is_read_to_its_end_and_a_cut_one_is_noticed(tmp_path, name, codec, options):
    path = write(tmp_path / name, codec, options=options)
    assert len(list(frames_of(path))) == 40
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(Unusable, match="is cut short"):
        list(frames_of(path))


def test_what_is_no_film_has_a_reason(tmp_path):
    soundfile.write(tmp_path / "sound.mp4", np.zeros(8000), 8000, format="WAV")
    (tmp_path / "text.mp4").write_text("no film" * 100)
    (tmp_path / "empty.mp4").touch()
    for name, why in [("sound", "holds no pictures"), ("text", "or no film"), ("empty", "is empty")]:
        with pytest.raises(Unusable, match=why):
            list(frames_of(tmp_path / f"{name}.mp4"))
    check_av([tmp_path / "a.gif"])
