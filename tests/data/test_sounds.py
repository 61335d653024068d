import logging

import numpy as np
import pytest
import soundfile
from source_properties import check_epochs, check_no_threads_left, check_resumes, check_shapes, take

from gan_jax.data.sounds import sounds

RATE, LENGTH = 8000, 512
LIMITS = pytest.mark.parametrize("limit", [2**30, 0], ids=["on_device", "streamed"])


def write(file, level, *, rate=RATE, length=LENGTH, channels=1):
    """A sound of one level all along, in the middle of which a resampled one has that level too."""
    soundfile.write(file, np.full((length, channels), level), rate)


@pytest.fixture
def recordings(tmp_path):
    """Ten levels, (i + 1) / 16, at two rates and of several formats and numbers of channels, in two folders."""
    for i in range(10):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        rate = RATE * (1 + i % 2)
        file = tmp_path / "ab"[i % 2] / f"{i}.{['wav', 'flac', 'WAV'][i % 3]}"
        write(file, (i + 1) / 16, rate=rate, length=LENGTH * rate // RATE, channels=1 + i % 3)
    (tmp_path / "notes.txt").write_text("not a sound")
    return tmp_path


def level(x) -> np.ndarray:
    return np.asarray(np.round(16 * np.asarray(x[:, LENGTH // 2, 0])), int) - 1


@LIMITS
def test_a_folder_is_a_source(recordings, limit):
    source = sounds(recordings, rate=RATE, length=LENGTH, limit=limit)
    assert (source.size, source.classes) == (10, 0)
    assert source.example.x.shape == (LENGTH, 1)
    assert source.name.startswith(f"folder {recordings.name}, 10 sounds of ")
    check_shapes(source)
    check_resumes(source)
    check_epochs(source, level)
    check_no_threads_left(source)


@LIMITS
def test_subfolders_are_labels_if_asked(recordings, limit):
    source = sounds(recordings, rate=RATE, length=LENGTH, labels=True, limit=limit)
    assert source.classes == 2
    check_shapes(source)
    (batch,) = take(source, 1)
    np.testing.assert_array_equal(level(batch.x) % 2, batch.label)


@LIMITS
@pytest.mark.parametrize(("length", "clips"), [(100, 1), (LENGTH, 1), (767, 1), (768, 2), (1600, 3)])
def test_a_file_is_cut_into_clips_and_a_rest_is_one_if_it_fills_half(tmp_path, limit, length, clips):
    x = np.linspace(0.1, 0.9, length)
    soundfile.write(tmp_path / "long.wav", x, RATE)
    source = sounds(tmp_path, rate=RATE, length=LENGTH, limit=limit)
    assert source.size == clips
    (batch,) = take(source, 1, batch_size=2 * clips)  # two epochs
    found = np.asarray(batch.x)[np.argsort(batch.x[:, 0, 0])[::2], :, 0].reshape(-1)
    kept = min(length, clips * LENGTH)
    np.testing.assert_allclose(found[:kept], x[:kept], atol=2 / 32_768)
    assert (found[kept:] == 0).all()


def test_a_tone_keeps_its_pitch_and_loudness_at_another_rate(tmp_path):
    seconds = np.arange(44_100) / 44_100
    soundfile.write(tmp_path / "tone.wav", 0.5 * np.sin(2 * np.pi * 440 * seconds), 44_100)
    (batch,) = take(sounds(tmp_path, rate=16_000, length=16_000), 1, batch_size=1)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    np.testing.assert_allclose(batch.x[0, 100:-100, 0], expected[100:-100], atol=0.005)


def test_channels_are_averaged(tmp_path):
    soundfile.write(tmp_path / "stereo.wav", np.stack([np.full(LENGTH, 0.5), np.full(LENGTH, -0.25)], 1), RATE)
    (batch,) = take(sounds(tmp_path, rate=RATE, length=LENGTH), 1, batch_size=1)
    np.testing.assert_allclose(batch.x, 0.125, atol=1 / 32_768)


def test_what_is_broken_or_silent_is_skipped_and_counted_once(recordings, caplog):
    (recordings / "broken.wav").write_bytes(b"not a WAV")
    (recordings / "empty.ogg").touch()
    write(recordings / "silent.flac", 0.0005)
    soundfile.write(recordings / "nothing.wav", np.zeros(0), RATE)
    with caplog.at_level(logging.WARNING):
        source = sounds(recordings, rate=RATE, length=LENGTH)
    (record,) = caplog.records
    assert "4 of 14 sounds can't be read or are silent" in record.getMessage()
    check_epochs(source, level)


def test_of_sounds_that_are_read_as_they_are_needed_broken_headers_are_skipped(recordings, caplog):
    (recordings / "broken.wav").write_bytes(b"not a WAV")
    source = sounds(recordings, rate=RATE, length=LENGTH, limit=0)
    assert "1 of 11 sounds can't be read" in caplog.text
    check_epochs(source, level)


def test_a_sound_that_breaks_later_is_named(recordings):
    source = sounds(recordings, rate=RATE, length=LENGTH, limit=0)
    for file in recordings.rglob("*.flac"):
        file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(OSError, match=r"flac can't be decoded .*: put a whole one back"):
        take(source, 3)


def test_errors_name_the_folder_and_the_mend(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere is no folder: name the folder that holds your sounds"):
        sounds(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"holds no sounds: put .*wav"):
        sounds(tmp_path)
    write(tmp_path / "silent.wav", 0.0)
    with pytest.raises(ValueError, match=r"all 1 sounds .* can't be read or are silent"):
        sounds(tmp_path)
    with pytest.raises(ValueError, match=r"silent.wav lies in .* move it to a folder"):
        sounds(tmp_path, labels=True)
    with pytest.raises(ValueError, match="no sounds of 0 samples at 16000 a second"):
        sounds(tmp_path, length=0)
