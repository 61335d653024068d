"""Folders of clips: every frame in its place, windows by their stride, and bad files named or counted."""

import sys

import numpy as np
import pytest
from PIL import Image
from source_properties import check_epochs, check_resumes, check_shapes, take

from gan_jax.data.clips import LONGEST, clips
from gan_jax.views.video import write_mp4


def shades(count, first=0):
    """Frames of 6x8 in shades that tell their number, 10 apart."""
    return [np.full((6, 8, 1), 10 * (first + i), np.uint8) for i in range(count)]


def write_gif(path, frames):
    first, *rest = [Image.fromarray(frame[..., 0]) for frame in frames]
    first.save(path, save_all=True, append_images=rest, duration=100, loop=0)


def numbers(source, count):
    """The numbers of the frames of each example, in order."""
    (batch,) = take(source, 1, batch_size=count)
    x = np.asarray(batch.x)
    assert np.ptp(x, axis=(2, 3, 4)).max() < 0.1
    return sorted(np.round((x[:, :, 2, 2, 0] + 1) * 12.75).astype(int).tolist())


def test_frames_follow_one_another_and_windows_do_not_overlap_unless_told(tmp_path):
    write_gif(tmp_path / "a.gif", shades(11))
    source = clips(tmp_path, size=4, frames=4)
    assert source.example.x.shape == (4, 4, 4, 3)
    assert source.size == 2
    assert numbers(source, 2) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert numbers(clips(tmp_path, size=4, frames=4, stride=3), 3) == [[i, i + 1, i + 2, i + 3] for i in (0, 3, 6)]


def test_a_folder_is_a_source(tmp_path):
    for number in range(9):
        write_gif(tmp_path / f"{number}.gif", shades(2, first=2 * number))
    source = clips(tmp_path, size=4, frames=2, channels=1)
    assert source.name.startswith(f"clips {tmp_path.name}, 9 of 2x4x4x1, sha256 ")
    check_shapes(source)
    check_resumes(source)
    check_epochs(source, lambda x: np.round((np.asarray(x)[:, 0, 0, 0, 0] + 1) * 127.5 / 20).astype(int))


def test_a_last_picture_that_stands_for_minutes_is_not_most_of_the_data(tmp_path):
    first, *rest = [Image.fromarray(frame[..., 0]) for frame in shades(4)]
    first.save(tmp_path / "a.gif", save_all=True, append_images=rest, duration=[100, 100, 100, 60_000])
    assert clips(tmp_path, size=4, frames=4).size == (3 + LONGEST) // 4


def test_a_video_is_read_as_it_was_written(tmp_path):
    write_mp4([frame.repeat(8, 0).repeat(8, 1) for frame in shades(6)], tmp_path / "a.mp4")
    assert numbers(clips(tmp_path, size=4, frames=6), 1) == [[0, 1, 2, 3, 4, 5]]


def test_the_middle_square_is_what_is_left(tmp_path):
    frame = np.zeros((6, 8, 1), np.uint8)
    frame[:, :1] = frame[:, -1:] = 255
    write_gif(tmp_path / "a.gif", [frame, np.flip(frame, 0) // 2, frame // 3])
    (batch,) = take(clips(tmp_path, size=6, frames=2), 1, batch_size=1)
    assert batch.x.max() == -1


def test_broken_and_short_clips_are_counted_and_refused_where_nothing_is_left(tmp_path, caplog):
    (tmp_path / "a.mp4").write_bytes(b"no video")
    write_gif(tmp_path / "b.gif", shades(3))
    with pytest.raises(ValueError, match=r"all 2 clips in .* can't be read or have fewer than 4 frames"):
        clips(tmp_path, size=4, frames=4)
    write_gif(tmp_path / "c.gif", shades(4))
    assert clips(tmp_path, size=4, frames=4).size == 1
    (record,) = caplog.records
    assert "2 of 3 clips can't be read or have fewer than 4 frames, and are skipped" in record.getMessage()


def test_bad_input_is_answered_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="is no folder: name the folder that holds your clips"):
        clips(tmp_path / "nowhere", size=4)
    with pytest.raises(ValueError, match=r"holds no clips: put .*\.gif.*\.mp4"):
        clips(tmp_path, size=4)
    with pytest.raises(ValueError, match="0 frames of size 4 with 3 channels"):
        clips(tmp_path, size=4, frames=0)
    write_gif(tmp_path / "a.gif", shades(4))
    with pytest.raises(ValueError, match="1 examples take 192 bytes, over 100: take fewer clips, or a larger stride"):
        clips(tmp_path, size=4, frames=4, limit=100)
    (tmp_path / "b.mp4").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"b.mp4: reading it needs PyAV: pip install 'gan-jax\[video\]'"):
        clips(tmp_path, size=4)
