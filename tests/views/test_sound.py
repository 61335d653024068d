import wave

import numpy as np
import pytest
import soundfile
from PIL import Image

from gan_jax import views

RATE = 16_000


def read_wav(path) -> tuple[int, np.ndarray]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        return file.getframerate(), np.frombuffer(file.readframes(file.getnframes()), "<i2")


@pytest.fixture
def noise():
    return np.random.default_rng(0).uniform(-1, 1, (5, 4096, 1)).astype(np.float32)


@pytest.mark.parametrize("ending", [".wav", ".flac"])
def test_a_single_sound_is_read_as_it_was_to_16_bits(tmp_path, noise, ending):
    views.sounds(8000).single[ending](noise[0], tmp_path / f"one{ending}")
    x, rate = soundfile.read(tmp_path / f"one{ending}")
    assert rate == 8000
    np.testing.assert_allclose(x, noise[0, :, 0], atol=1 / 32_768)


def test_values_beyond_the_range_are_clipped(tmp_path):
    views.sounds().single[".wav"](np.array([[-2.0], [-1.0], [0.0], [1.0], [2.0]]), tmp_path / "one.wav")
    assert read_wav(tmp_path / "one.wav")[1].tolist() == [-32_768, -32_768, 0, 32_767, 32_767]


def test_all_sounds_follow_one_another_with_a_silence_between(tmp_path, noise):
    views.sounds().together[".wav"](noise, tmp_path / "all.wav")
    rate, x = read_wav(tmp_path / "all.wav")
    apart = x.reshape(5, 4096 + rate // 5)
    np.testing.assert_allclose(apart[:, :4096] / 32_768, noise[..., 0], atol=1 / 32_768)
    assert (apart[:, 4096:] == 0).all()


def test_a_walk_is_heard_frame_by_frame(tmp_path, noise):
    views.sounds().walks[".wav"](noise[:4].reshape(2, 2, 4096, 1), tmp_path / "walk.wav")
    views.sounds().together[".wav"](noise[:4], tmp_path / "all.wav")
    assert (tmp_path / "walk.wav").read_bytes() == (tmp_path / "all.wav").read_bytes()


@pytest.mark.parametrize(("count", "columns", "factor"), [(5, 3, 2), (17, 5, 1)])
def test_a_picture_is_nearly_square_and_few_sounds_are_enlarged(tmp_path, count, columns, factor):
    views.sounds().together[".png"](np.zeros((count, 4096, 1)), tmp_path / "all.png")
    height, width, _ = np.asarray(Image.open(tmp_path / "all.png")).shape
    assert (width + 2) / columns == 2 + factor * 2 * 4096 / 256
    assert (height + 2) / -(-count // columns) == 2 + factor * (32 + 64)


def test_a_picture_shows_when_and_how_high_a_sound_is(tmp_path):
    x = np.zeros((1, 8192, 1))
    x[0, 4096:, 0] = np.sin(2 * np.pi * 200 * np.arange(4096) / RATE)  # a low tone in the second half
    views.sounds().together[".png"](x, tmp_path / "one.png")
    pixels = np.asarray(Image.open(tmp_path / "one.png")).astype(int).sum(-1)[::2, ::2]
    wave_part, spectrum = pixels[:32], pixels[32:]
    assert (wave_part[0, 40:] < wave_part[0, 0]).mean() > 0.5  # the wave reaches the top edge, dark on light
    assert (wave_part[0, :30] == wave_part[0, 0]).all()
    row, column = np.unravel_index(spectrum.argmax(), spectrum.shape)
    assert row > 48  # of 64, from the top
    assert column >= 32
    assert spectrum[:, :24].max() == spectrum.min()


def test_the_same_sounds_give_the_same_bytes(tmp_path, noise):
    view = views.sounds()
    for ending, write in (view.together | view.single).items():
        for name in ("one", "other"):
            write(noise if ending in view.together else noise[0], tmp_path / f"{name}{ending}")
        assert (tmp_path / f"one{ending}").read_bytes() == (tmp_path / f"other{ending}").read_bytes()
