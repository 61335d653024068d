"""Folders of clips: every frame in its place, windows by their stride, and bad files named or counted."""

import sys

import numpy as np
import pytest
from PIL import Image
from source_properties import check_epochs, check_resumes, check_shapes, take

from gan_jax.data.folders.clips import LONGEST, clips
from gan_jax.views.films import write_mp4


def shades(count, first=0):
    """Frames of 6x8 in shades that tell their number, 10 apart."""
    return [np.full((6, 8, 1), 10 * (first + i), np.uint8) for i in range(count)]


def write_animation(path, frames):
    first, *rest = [Image.fromarray(frame[..., 0]) for frame in frames]
    first.save(path, save_all=True, append_images=rest, duration=100, loop=0, lossless=True)


def numbers(source, count):
    """The numbers of the frames of each example, in order."""
    (batch,) = take(source, 1, batch_size=count)
    x = np.asarray(batch.x)
    assert np.ptp(x, axis=(2, 3, 4)).max() < 0.1
    return sorted(np.round((x[:, :, 2, 2, 0] + 1) * 12.75).astype(int).tolist())


def test_frames_follow_one_another_and_windows_do_not_overlap_unless_told(tmp_path):
    write_animation(tmp_path / "a.gif", shades(11))
    source = clips(tmp_path, size=4, frames=4)
    assert source.example.x.shape == (4, 4, 4, 3)
    assert source.size == 2
    assert numbers(source, 2) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert numbers(clips(tmp_path, size=4, frames=4, stride=3), 3) == [[i, i + 1, i + 2, i + 3] for i in (0, 3, 6)]


def test_a_folder_is_a_source(tmp_path):
    for number in range(9):
        write_animation(tmp_path / f"{number}.gif", shades(2, first=2 * number))
    source = clips(tmp_path, size=4, frames=2, channels=1)
    assert source.name.startswith("9 clips of 2x4x4x1, sha256 ")
    assert clips(tmp_path.rename(f"{tmp_path} moved"), size=4, frames=2, channels=1).name == source.name
    check_shapes(source)
    check_resumes(source)
    check_epochs(source, lambda x: np.round((np.asarray(x)[:, 0, 0, 0, 0] + 1) * 127.5 / 20).astype(int))


def test_a_last_picture_that_stands_for_minutes_is_not_most_of_the_data(tmp_path):
    first, *rest = [Image.fromarray(frame[..., 0]) for frame in shades(4)]
    first.save(tmp_path / "a.gif", save_all=True, append_images=rest, duration=[100, 100, 100, 60_000])
    assert clips(tmp_path, size=4, frames=4).size == (3 + LONGEST) // 4


def test_a_video_is_read_as_it_was_written(tmp_path):
    write_mp4([frame.repeat(8, 0).repeat(8, 1) for frame in shades(6)], tmp_path / "a.mp4", 10)
    assert numbers(clips(tmp_path, size=4, frames=6), 1) == [[0, 1, 2, 3, 4, 5]]


def test_the_middle_square_is_what_is_left(tmp_path):
    frame = np.zeros((6, 8, 1), np.uint8)
    frame[:, :1] = frame[:, -1:] = 255
    write_animation(tmp_path / "a.gif", [frame, np.flip(frame, 0) // 2, frame // 3])
    (batch,) = take(clips(tmp_path, size=6, frames=2), 1, batch_size=1)
    assert batch.x.max() == -1


def write_stills(folder, names, first=0):
    """Images in shades that tell their places in `names`."""
    folder.mkdir(exist_ok=True)
    for frame, name in zip(shades(len(names), first), names):
        Image.fromarray(frame[..., 0]).save(folder / name)


def test_images_whose_names_differ_in_a_number_are_the_frames_of_a_clip(tmp_path):
    write_stills(tmp_path / "a", ["1.png", "2.png", "10.png", "20.png"])
    write_stills(tmp_path / "b", [f"x{i}.jpg" for i in range(4)], first=4)
    write_stills(tmp_path / "b", [f"y{i}.jpg" for i in range(4)], first=8)
    write_stills(tmp_path, ["loose.png", "0.bmp"])
    source = clips(tmp_path, size=4, frames=4)
    assert numbers(source, 3) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert source.found.used == "3 windows of 4 frames from 3 clips"
    assert dict(source.found.skipped) == dict.fromkeys(["loose.png", "0.bmp"], "has 1 frame, 4 wanted")


@pytest.mark.parametrize("ending", ["gif", "png", "tiff", "webp"])
def test_numbered_animations_are_a_clip_each(tmp_path, ending):
    for number in range(2):
        write_animation(tmp_path / f"{number}.{ending}", shades(4, first=4 * number))
    assert numbers(clips(tmp_path, size=4, frames=4), 2) == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize("name", ["{}.webp", "frame ({}).png"])
def test_numbered_images_of_one_frame_are_frames(tmp_path, name):
    write_stills(tmp_path, [name.format(i) for i in range(8, 12)])
    write_animation(tmp_path / name.format(12), shades(4, first=4))
    write_stills(tmp_path, [name.format(20)])
    source = clips(tmp_path, size=4, frames=4)
    assert numbers(source, 2) == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_a_warning_tells_of_missing_numbers(tmp_path, caplog):
    write_stills(tmp_path / "a", [f"f{i}.png" for i in (1, 2, 3, 8)])
    write_stills(tmp_path / "b", [f"f{i}.png" for i in (0, 5, 10, 15)])
    write_stills(tmp_path / "c", [f"({i}).png" for i in (8, 9, 11, 12)])
    write_stills(tmp_path / "d", ["1.png", "9.png", "10.png"])
    clips(tmp_path, size=4, frames=4)
    gaps, skipped = [record.getMessage() for record in caplog.records]
    assert gaps.endswith(
        "2 of 3 clips lack numbers, and the frames around are taken for neighbours: a/f*.png between 3 and 8 ..."
    )
    assert "d/*.png: has 3 frames" in skipped


def test_clips_that_are_broken_or_too_short_are_skipped_and_the_reason_given(tmp_path, caplog):
    (tmp_path / "a.mp4").write_bytes(b"no video" * 100)
    write_animation(tmp_path / "b.gif", shades(3))
    write_stills(tmp_path / "c", ["f1.png", "f2.png"])
    write_stills(tmp_path / "d", [f"{i}.png" for i in range(4)])
    (tmp_path / "d" / "2.png").write_bytes((tmp_path / "d" / "2.png").read_bytes()[:50])
    with pytest.raises(ValueError, match="holds no clips that can be used: 4 skipped"):
        clips(tmp_path, size=4, frames=4)
    write_animation(tmp_path / "e.gif", shades(4))
    (tmp_path / "notes.txt").touch()
    source = clips(tmp_path, size=4, frames=4)
    assert dict(source.found.skipped) == {
        "a.mp4": "is cut short or damaged, or no film",
        "b.gif": "has 3 frames, 4 wanted",
        "c/f*.png": "has 2 frames, 4 wanted",
        "d/*.png": "has a frame, 2.png, that is cut short",
    }
    (record,) = caplog.records
    assert "1 window of 4 frames from 1 clip, 4 skipped (a.mp4: " in record.getMessage()
    assert record.getMessage().endswith(", 1 other file ignored (1 .txt)")


def test_bad_input_is_answered_in_one_line(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="isn't a folder: name the folder that holds your clips"):
        clips(tmp_path / "nowhere", size=4)
    with pytest.raises(ValueError, match=r"holds no clips: put .gif, .*.mp4, "):
        clips(tmp_path, size=4)
    with pytest.raises(ValueError, match="0 frames of size 4 with 3 channels"):
        clips(tmp_path, size=4, frames=0)
    write_animation(tmp_path / "a.gif", shades(4))
    with pytest.raises(ValueError, match="its clips take more than 100 bytes: take fewer, or a larger stride"):
        clips(tmp_path, size=4, frames=4, limit=100)
    (tmp_path / "b.mp4").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ValueError, match=r"b.mp4: reading it needs PyAV: pip install 'gan-jax\[video\]'"):
        clips(tmp_path, size=4)


def test_frames_that_a_gif_has_merged_count_each(tmp_path):
    shades = [Image.new("L", (8, 8), shade) for shade in (0, 0, 0, 200, 90)]
    shades[0].save(tmp_path / "still.gif", save_all=True, append_images=shades[1:], duration=100)
    with Image.open(tmp_path / "still.gif") as image:
        assert image.n_frames == 3
    assert clips(tmp_path, size=8, frames=5, channels=1).size == 1
