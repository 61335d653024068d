import logging

import numpy as np
import pytest
from PIL import Image
from source_properties import check_epochs, check_no_threads_left, check_resumes, check_shapes, take

from gan_jax.data.folder import folder

LIMITS = pytest.mark.parametrize("limit", [2**30, 0], ids=["on_device", "streamed"])


@pytest.fixture
def pictures(tmp_path):
    """Ten grey levels, i * 20, of several sizes and formats, in two folders."""
    for i in range(10):
        suffix = ["png", "bmp", "webp", "PNG", "tiff"][i % 5]
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        image = Image.new("RGB", (10 + i, 20 - i), (i * 20,) * 3)
        image.save(tmp_path / "ab"[i % 2] / f"{i}.{suffix}", lossless=True)
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def level(x) -> np.ndarray:
    return np.asarray(np.round((x[:, 3, 3, 0] + 1) * 127.5 / 20), int)


@LIMITS
def test_a_folder_is_a_source(pictures, limit):
    source = folder(pictures, size=8, limit=limit)
    assert (source.size, source.classes) == (10, 0)
    assert source.example.x.shape == (8, 8, 3)
    check_shapes(source)
    check_resumes(source)
    check_epochs(source, level)
    check_no_threads_left(source)


@LIMITS
def test_subfolders_are_labels_if_asked(pictures, limit):
    source = folder(pictures, size=8, channels=1, labels=True, limit=limit)
    assert source.classes == 2
    check_shapes(source)
    (batch,) = take(source, 1)
    np.testing.assert_array_equal(level(batch.x) % 2, batch.label)


@LIMITS
def test_unreadable_images_are_skipped_and_counted_once(pictures, limit, caplog, monkeypatch):
    (pictures / "broken.png").write_bytes(b"not a PNG")
    (pictures / "empty.jpg").touch()
    Image.new("L", (2000, 1000)).save(pictures / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10**6)
    with caplog.at_level(logging.WARNING):
        source = folder(pictures, size=8, limit=limit)
    (record,) = caplog.records
    assert "3 of 13 images can't be read" in record.getMessage()
    assert source.size == 10
    check_epochs(source, level)


def test_a_truncated_image_is_skipped_on_the_device_and_named_by_the_stream(pictures, caplog):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(pictures / "cut.png")
    whole = (pictures / "cut.png").read_bytes()
    (pictures / "cut.png").write_bytes(whole[: len(whole) // 2])
    assert folder(pictures, size=8).size == 10
    assert "1 of 11" in caplog.text
    with pytest.raises(OSError, match=r"cut.png can't be decoded .*: put a whole one back"):
        take(folder(pictures, size=8, limit=0), 2)


def test_images_are_cropped_to_their_middle_square(tmp_path):
    x = np.zeros((10, 30), np.uint8)
    x[:, 10:20] = 255
    Image.fromarray(x).save(tmp_path / "wide.png")
    (batch,) = take(folder(tmp_path, size=10, channels=1), 1)
    assert (batch.x == 1).all()


def test_resizing_is_antialiased(tmp_path):
    x = np.indices((64, 64)).sum(0) % 2 * 255
    Image.fromarray(x.astype(np.uint8)).save(tmp_path / "chessboard.png")
    (batch,) = take(folder(tmp_path, size=8, channels=1), 1)
    assert abs(batch.x[:, 2:-2, 2:-2]).max() < 0.02  # grey, and no moiré


def test_transparency_turns_white_and_16_bits_keep_their_range(tmp_path):
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    (batch,) = take(folder(tmp_path, size=8), 1)
    assert (batch.x == 1).all()
    Image.fromarray(np.full((8, 8), 128 << 8, np.uint16)).save(tmp_path / "clear.png")
    (batch,) = take(folder(tmp_path, size=8, channels=1), 1)
    np.testing.assert_allclose(batch.x, 0, atol=0.005)


@LIMITS
def test_folders_of_one_name_are_told_apart_by_what_they_hold(tmp_path, limit):
    names = []
    for parent, side, level in (("a", 8, 0), ("b", 9, 255), ("c", 8, 0)):
        (tmp_path / parent / "photos").mkdir(parents=True)
        Image.new("L", (side, side), level).save(tmp_path / parent / "photos" / "0.bmp")
        names.append(folder(tmp_path / parent / "photos", size=8, channels=1, limit=limit).name)
    assert names[0] == names[2] != names[1]
    assert names[0].startswith("folder photos, 1 images of 8x8x1, sha256 ")


def test_errors_name_the_folder_and_the_mend(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere is no folder: name the folder"):
        folder(tmp_path / "nowhere", size=8)
    with pytest.raises(ValueError, match=r"holds no images: put .*png"):
        folder(tmp_path, size=8)
    (tmp_path / "broken.png").touch()
    with pytest.raises(ValueError, match=r"all 1 images .* can't be read"):
        folder(tmp_path, size=8)
    with pytest.raises(ValueError, match=r"broken.png lies in .* move it to a folder"):
        folder(tmp_path, size=8, labels=True)
    with pytest.raises(ValueError, match=r"2 channels"):
        folder(tmp_path, size=8, channels=2)
