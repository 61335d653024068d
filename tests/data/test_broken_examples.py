"""What a reviewer broke: headers that lie, sounds that are not finite, frames that were merged, mirrored references."""

import types

import numpy as np
import pytest
import soundfile
from PIL import Image

from gan_jax.data.clips import clips
from gan_jax.data.mirror import mirror
from gan_jax.data.sounds import count_clips, sounds
from gan_jax.data.source import on_device


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of NumPy, which would hide that it is kept
def test_a_sound_that_is_not_finite_is_skipped(tmp_path, caplog):
    tone = np.sin(np.arange(4000) / 5).astype(np.float32)
    soundfile.write(tmp_path / "good.wav", tone, 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "nan.wav", np.where(np.arange(4000) == 7, np.nan, tone), 16_000, subtype="FLOAT")
    assert sounds(tmp_path, length=4000).size == 1
    assert "1 of 2 sounds" in caplog.text


@pytest.mark.parametrize(("frames", "rate"), [(2**63 - 1, 16_000), (4000, 2_000_003), (4000, 3)])
def test_a_header_that_can_not_be_is_none(tmp_path, monkeypatch, frames, rate):
    monkeypatch.setattr(soundfile, "info", lambda file: types.SimpleNamespace(frames=frames, samplerate=rate))
    assert count_clips(tmp_path / "endless.flac", 16_000, 4000) == 0


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
