import os
import types

import numpy as np
import pytest
import soundfile
from source_properties import check_epochs, check_no_threads_left, check_resumes, check_shapes, take

from gan_jax.data.folders.sound_files import check_header
from gan_jax.data.folders.sounds import sounds, to_int16
from gan_jax.data.found import Unusable
from gan_jax.data.resample import resampled

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
    assert source.name.startswith("10 sounds of ")
    assert source.found.line() == "10 sounds from 10 files, 1 other file ignored (1 .txt)"
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
    np.testing.assert_array_equal(level(batch.x) % 2, batch.condition)


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


def tone(length, *, rate=RATE, level=0.5):
    return level * np.sin(2 * np.pi * 440 * np.arange(length) / rate)


def in_order(source):
    """All sounds as integers, in order of what they begin with."""
    (batch,) = take(source, 1, batch_size=source.size)
    x = np.round(np.asarray(batch.x)[..., 0] * 32_768).astype(int)
    return x[np.lexsort(x.T[::-1])]


@LIMITS
@pytest.mark.parametrize("rate", [RATE + 1, 2 * RATE, 3 * RATE // 4])
def test_clips_of_a_resampled_file_end_to_end_are_the_whole(tmp_path, limit, rate):
    x = np.random.default_rng(0).normal(size=6 * LENGTH * rate // RATE).astype(np.float32) / 8
    soundfile.write(tmp_path / "long.wav", x, rate, subtype="FLOAT")
    expected = to_int16(resampled(x, rate, RATE)[: 6 * LENGTH]).reshape(6, LENGTH)
    source = sounds(tmp_path, rate=RATE, length=LENGTH, limit=limit)
    np.testing.assert_array_equal(in_order(source), expected[np.lexsort(expected.T[::-1])])


@LIMITS
@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_an_mp3_in_parts_is_what_it_is_as_a_whole(tmp_path, limit, rate, monkeypatch):
    time = np.arange(5 * rate) / rate
    chord = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220, 277, 330, 440)) * np.exp(-6 * (time % 0.5)) / 8
    soundfile.write(tmp_path / "chord.mp3", chord, rate)
    whole, _ = soundfile.read(tmp_path / "chord.mp3", dtype="float32")
    expected = to_int16(resampled(whole, rate, 16_000)).reshape(-1, 5000)
    monkeypatch.setattr("gan_jax.data.folders.sounds.AT_ONCE", 7000)
    found = in_order(sounds(tmp_path, rate=16_000, length=5000, limit=limit))
    np.testing.assert_allclose(found, expected[np.lexsort(expected.T[::-1])], atol=1)


@LIMITS
@pytest.mark.parametrize("level", [1.5, 16_384.0])
def test_a_file_beyond_one_is_scaled_by_its_peak_and_a_warning_tells(tmp_path, limit, level, caplog):
    whole = np.concatenate([tone(LENGTH, level=level), tone(LENGTH, level=level / 4)])
    soundfile.write(tmp_path / "loud.wav", whole, RATE, subtype="FLOAT")
    found = in_order(sounds(tmp_path, rate=RATE, length=LENGTH, limit=limit))
    np.testing.assert_allclose(np.sort(found.ravel()), np.sort(whole / np.abs(whole).max() * 32_768), atol=1)
    (record,) = caplog.records
    assert f"1 of 1 sounds go beyond ±1, up to {level:,.1f}, and are scaled by their peaks: loud.wav" in record.message


def cut(path, keep=0.6):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])


@LIMITS
def test_what_can_not_be_used_is_skipped_and_the_reason_given(recordings, limit, caplog):
    (recordings / "broken.wav").write_bytes(b"not a WAV")
    (recordings / "empty.ogg").touch()
    (recordings / "c.m4a").touch()
    write(recordings / "silent.flac", 0.0005)
    soundfile.write(recordings / "nothing.wav", np.zeros(0), RATE)
    soundfile.write(recordings / "apart.wav", np.stack([tone(LENGTH), -tone(LENGTH)], 1), RATE)
    soundfile.write(recordings / "nan.wav", np.full(LENGTH, np.nan), RATE, subtype="FLOAT")
    for name in ("cut.wav", "cut.aiff", "cut.au", "cut.flac", "cut.mp3"):
        soundfile.write(recordings / name, np.random.default_rng(0).normal(size=8000) / 8, RATE)
        cut(recordings / name)
    soundfile.write(recordings / "unclosed.wav", tone(8000), RATE)
    data = (recordings / "unclosed.wav").read_bytes()
    (recordings / "unclosed.wav").write_bytes(data[:40] + bytes(4) + data[44:])
    soundfile.write(recordings / "gap.wav", np.concatenate([np.zeros(LENGTH), tone(LENGTH, level=10 / 16)]), RATE)
    source = sounds(recordings, rate=RATE, length=LENGTH, limit=limit)
    assert source.size == 11
    expected = {
        "broken.wav": "isn't a sound, or is damaged (Format not recognised)",
        "empty.ogg": "is empty",
        "silent.flac": "is silent",
        "nothing.wav": "holds no samples",
        "apart.wav": "is silent as the mean of its 2 channels",
        "nan.wav": "holds samples that aren't finite",
        "cut.wav": "is cut short: 9,582 of 16,000 bytes",
        "cut.aiff": "is cut short: ",
        "cut.au": "is cut short: ",
        "cut.flac": "isn't a sound, or is damaged (",
        "cut.mp3": "is cut short: ",
        "unclosed.wav": "claims no samples, in 16,044 bytes",
        "gap.wav, clip 1": "is silent",
    }
    skipped = dict(source.found.skipped)
    assert skipped.keys() == expected.keys()
    assert not [(name, why) for name, why in skipped.items() if not why.startswith(expected[name])]
    assert source.found.ignored == {".txt": 1, ".m4a": 1}
    (record,) = caplog.records
    assert "11 sounds from 11 files, 13 skipped (" in record.getMessage()
    assert len(take(source, 4)) == 4


def test_a_recording_whose_encoder_did_not_know_its_length_is_read_to_its_end(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(LENGTH), RATE)
    data = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(data[:4] + b"\xff" * 4 + data[8:40] + b"\xff" * 4 + data[44:])
    assert sounds(tmp_path, rate=RATE, length=LENGTH).found.line() == "1 sound from 1 file"


@pytest.mark.parametrize(("frames", "rate"), [(2**63 - 1, 16_000), (4000, 2_000_003), (4000, 3)])
def test_a_header_that_can_not_be_is_refused(frames, rate):
    sound = types.SimpleNamespace(frames=frames, samplerate=rate, extra_info="")
    with pytest.raises(Unusable, match=f"claims {frames:,} samples at {rate:,} a second"):
        check_header(sound, 10_000)


@LIMITS
def test_names_that_are_not_utf8_are_read_like_any_other(tmp_path, limit):
    for name, level in [(b"bad\xe9name.wav", 0.5), (b"b\xe9.wav", 0.0)]:
        write(tmp_path / "a.wav", level)
        (tmp_path / "a.wav").rename(tmp_path / os.fsdecode(name))
    source = sounds(tmp_path, rate=RATE, length=LENGTH, limit=limit)
    assert source.found.skipped == (("b\\xe9.wav", "is silent"),)
    check_shapes(source)


@LIMITS
def test_sounds_are_told_by_what_they_and_their_labels_are_and_not_by_where_they_lie(recordings, limit):
    def name(labels=True):
        return sounds(recordings, rate=RATE, length=LENGTH, labels=labels, limit=limit).name

    before, unlabelled = name(), name(labels=False)
    recordings = recordings.rename(f"{recordings} moved")
    assert name() == before != unlabelled
    (recordings / "a" / "0.wav").rename(recordings / "b" / "0.wav")
    assert name() != before


def test_classes_of_which_nothing_can_be_used_are_none(recordings, caplog):
    (recordings / ".thumbnails").mkdir()
    write(recordings / ".thumbnails" / "x.wav", 0.5)
    (recordings / "aa").mkdir()
    write(recordings / "aa" / "x.wav", 0.0)
    source = sounds(recordings, rate=RATE, length=LENGTH, labels=True)
    assert source.classes == 2
    assert source.found.used == "10 sounds in 2 classes from 10 files"
    assert "no classes, since they hold no sounds that can be used: aa" in caplog.text
    (batch,) = take(source, 1)
    np.testing.assert_array_equal(level(batch.x) % 2, batch.condition)


def test_a_sound_that_breaks_later_is_named(recordings):
    source = sounds(recordings, rate=RATE, length=LENGTH, limit=0)
    for file in recordings.rglob("*.flac"):
        file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(OSError, match=r"flac can't be decoded .*: put a whole one back"):
        take(source, 3)


def test_errors_name_the_folder_and_the_mend(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere isn't a folder: name the folder that holds your sounds"):
        sounds(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"holds no sounds: put .*wav"):
        sounds(tmp_path)
    write(tmp_path / "silent.wav", 0.0)
    with pytest.raises(ValueError, match=r"holds no sounds that can be used: 1 skipped \(silent.wav: is silent\)"):
        sounds(tmp_path)
    with pytest.raises(ValueError, match=r"silent.wav lies in .* move it to a folder"):
        sounds(tmp_path, labels=True)
    with pytest.raises(ValueError, match="no sounds of 0 samples at 16000 a second"):
        sounds(tmp_path, length=0)
