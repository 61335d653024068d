import logging
import os
import re

import numpy as np
import pytest
from PIL import Image, features
from source_properties import check_epochs, check_no_threads_left, check_resumes, check_shapes, take

from gan_jax.data.folders import image_files, images as module
from gan_jax.data.folders.images import images, train_and_test_images
from gan_jax.errors import Missing, UserError

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
    source = images(pictures, size=8, limit=limit)
    assert (source.size, source.classes) == (10, 0)
    assert source.example.x.shape == (8, 8, 3)
    check_shapes(source)
    check_resumes(source)
    check_epochs(source, level)
    check_no_threads_left(source)


def test_a_second_folder_is_the_split_test_and_there_is_no_other(pictures):
    source = train_and_test_images(pictures / "a", pictures / "b", size=8)
    for name, parity in (("train", 0), ("test", 1)):
        (batch,) = take(source.split(name), 1)
        assert set(level(batch.x) % 2) == {parity}
    with pytest.raises(UserError, match=r"5 images of 8x8x3, sha256 .* has no split 'tset': it has train and test"):
        source.split("tset")


@pytest.mark.parametrize(("test", "says"), [("none", "none isn't a folder"), ("empty", "empty holds no images")])
def test_a_second_folder_without_images_is_refused_at_once(pictures, test, says):
    (pictures / "empty").mkdir()
    with pytest.raises((Missing, UserError), match=says):
        train_and_test_images(pictures / "a", pictures / test, size=8)


@LIMITS
def test_subfolders_are_labels_if_asked(pictures, limit):
    source = images(pictures, size=8, channels=1, labels=True, limit=limit)
    assert source.classes == 2
    check_shapes(source)
    (batch,) = take(source, 1)
    np.testing.assert_array_equal(level(batch.x) % 2, batch.condition)


@LIMITS
def test_images_that_can_not_be_used_are_skipped_with_their_reasons(pictures, limit, caplog, monkeypatch):
    (pictures / "text.png").write_bytes(b"not a PNG")
    (pictures / "empty.jpg").touch()
    Image.new("L", (2000, 1001)).save(pictures / "bomb.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10**6)  # Pillow reads images of up to twice as many
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(pictures / "cut.png")
    whole = (pictures / "cut.png").read_bytes()
    (pictures / "cut.png").write_bytes(whole[: len(whole) // 2])
    (pictures / "._0.png").write_bytes(b"of a Mac's")
    with caplog.at_level(logging.WARNING):
        source = images(pictures, size=8, limit=limit)
    assert source.found == (
        "10 images",
        (
            ("bomb.png", "is too large: Image size (2002000 pixels) exceeds limit of 2000000 pixels"),
            ("cut.png", "is cut short"),
            ("empty.jpg", "is empty"),
            ("text.png", "isn't an image"),
        ),
        {".txt": 1},
    )
    (record,) = caplog.records
    assert source.found.line() in record.getMessage()
    check_epochs(source, level)


@LIMITS
def test_large_image_is_read_without_a_warning(tmp_path, limit, monkeypatch):
    Image.new("1", (40, 40), 1).save(tmp_path / "scan.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    assert images(tmp_path, size=8, limit=limit).size == 1


def test_streamed_folder_is_decoded_once_and_broken_images_never_stop_it(pictures, monkeypatch):
    opened = []

    def counted(file):
        if file.is_relative_to(pictures):  # threads of earlier tests may still read their own
            opened.append(file)
        return image_files.opened(file)

    monkeypatch.setattr(module, "opened", counted)
    cut = pictures / "a" / "0.png"
    whole = cut.read_bytes()
    cut.write_bytes(whole[:-40])
    source = images(pictures, size=8, limit=0)
    assert source.found.skipped == (("a/0.png", "is cut short"),)
    assert (source.size, len(opened)) == (9, 10)
    assert images(pictures, size=8, limit=0).name == source.name
    assert len(opened) == 10
    take(source, 3)  # last: its threads may still read ahead when it returns
    cut.write_bytes(whole)
    assert images(pictures, size=8, limit=0).size == 10


def test_image_that_breaks_later_is_named_and_accepted_once_it_is_whole_again(pictures):
    source = images(pictures, size=8, limit=0)
    files = [file for file in pictures.rglob("*.*") if file.suffix != ".txt"]
    whole = {file: file.read_bytes() for file in files}
    for file in files:
        file.write_bytes(whole[file][:30])
    with pytest.raises(OSError, match="can't be decoded") as raised:
        take(source, 1)
    line = r"\S+/\d\.\w+ can't be decoded \(.+\): put a whole one back and resume, or start a new run without it"
    assert re.fullmatch(line, str(raised.value))
    for file in files:
        file.write_bytes(whole[file])
    assert images(pictures, size=8, limit=0).name == source.name


@LIMITS
def test_classes_are_numbered_by_the_folders_whose_images_are_used(pictures, limit, caplog):
    for name in ("0_broken/1.png", ".thumbnails/1.png", "__MACOSX/1.png", "aa_empty/notes.md"):
        (pictures / name).parent.mkdir()
        (pictures / name).write_text("no image")
    source = images(pictures, size=8, channels=1, labels=True, limit=limit)
    assert (source.classes, source.found.used) == (2, "10 images in 2 classes")
    assert "no classes, since they hold no images that can be used: 0_broken, aa_empty" in caplog.text
    (batch,) = take(source, 1)
    np.testing.assert_array_equal(level(batch.x) % 2, batch.condition)


@LIMITS
def test_labels_one_level_too_high_are_warned_of(pictures, limit, caplog):
    (pictures / "data").mkdir()
    for name in "ab":
        (pictures / name).rename(pictures / "data" / name)
    assert images(pictures, size=8, labels=True, limit=limit).found.used == "10 images in 1 class"
    assert "all images are of one class, data: if the classes are the folders in" in caplog.text


@LIMITS
def test_folders_of_links_are_followed_and_loops_guarded(pictures, tmp_path_factory, limit):
    links = tmp_path_factory.mktemp("links")
    for name in "ab":
        (links / name).symlink_to(pictures / name)
    (pictures / "a" / "loop").symlink_to(pictures / "a")
    source = images(links, size=8, channels=1, labels=True, limit=limit)
    assert source.found.used == "10 images in 2 classes"
    assert source.found.skipped == (("a/loop", "leads to a folder that is read already"),)
    check_epochs(source, level)


@LIMITS
@pytest.mark.parametrize(
    "name",
    [*("0.jfif", "0.JPE", "0.avif", "0.jp2", "0.tga", "0.ico", "0.qoi", "0.mpo", "0.pgm", "0"), b"bad\xe9\nname.png"],
)
def test_any_name_will_do(tmp_path, name, limit):
    kind = image_files.endings().get(os.path.splitext(os.fsdecode(name))[1].lower(), "PNG")
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    with open(os.path.join(os.fsencode(tmp_path), os.fsencode(name)), "wb") as file:
        Image.new("L" if kind in ("PPM", "TGA") else "RGB", (16, 16), "white").save(file, kind)
    source = images(tmp_path, size=8, channels=1, limit=limit)
    assert source.found == ("1 image", (), {})
    assert take(source, 1)[0].x.min() > 0.98


def test_other_files_are_counted_by_their_endings(pictures):
    for name in ("README", "a/film.mpg", "paper.pdf", "more.txt"):
        (pictures / name).write_text("no image")
    found = images(pictures, size=8).found
    assert found.line() == "10 images, 5 other files ignored (2 .txt, 1 without an ending, 1 .mpg, 1 .pdf)"


@pytest.mark.parametrize(("given", "kept"), [((3, 12), slice(3, 9)), ((7, 6), slice(0, 6))])
def test_a_height_and_a_width_crop_to_the_middle_rectangle(tmp_path, given, kept):
    pixels = np.broadcast_to(np.arange(given[1], dtype=np.uint8) * 20, given)
    Image.fromarray(np.ascontiguousarray(pixels)).save(tmp_path / "wide.png")
    source = images(tmp_path, size=(3, 6), channels=1)
    (batch,) = take(source, 1, batch_size=1)
    assert source.example.x.shape == (3, 6, 1)
    np.testing.assert_allclose((batch.x[0, 1, :, 0] + 1) * 127.5, np.arange(given[1])[kept] * 20, atol=1e-3)


def test_images_are_cropped_to_their_middle_square(tmp_path):
    x = np.zeros((10, 30), np.uint8)
    x[:, 10:20] = 255
    Image.fromarray(x).save(tmp_path / "wide.png")
    (batch,) = take(images(tmp_path, size=10, channels=1), 1)
    assert (batch.x == 1).all()


def test_resizing_is_antialiased(tmp_path):
    x = np.indices((64, 64)).sum(0) % 2 * 255
    Image.fromarray(x.astype(np.uint8)).save(tmp_path / "chessboard.png")
    (batch,) = take(images(tmp_path, size=8, channels=1), 1)
    assert abs(batch.x[:, 2:-2, 2:-2]).max() < 0.02  # grey, and no moiré


@LIMITS
def test_name_is_of_the_images_and_not_of_where_they_lie(tmp_path, limit):
    names = []
    for parent, side, level in (("a", 8, 0), ("b", 9, 255), ("c", 8, 0)):
        (tmp_path / parent).mkdir(parents=True)
        Image.new("L", (side, side), level).save(tmp_path / parent / "0.bmp")
        names.append(images(tmp_path / parent, size=8, channels=1, limit=limit).name)
    assert names[0] == names[2] != names[1]
    assert names[0].startswith("1 images of 8x8x1, sha256 ")


@LIMITS
def test_name_tells_labels_apart(pictures, limit):
    plain = images(pictures, size=8, limit=limit).name
    by_name = images(pictures, size=8, labels=True, limit=limit).name
    (pictures / "c").mkdir()
    (pictures / "b" / "9.tiff").rename(pictures / "c" / "9.tiff")
    assert len({plain, by_name, images(pictures, size=8, labels=True, limit=limit).name}) == 3


def test_errors_name_the_folder_and_the_mend(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere isn't a folder: name the folder"):
        images(tmp_path / "nowhere", size=8)
    with pytest.raises(ValueError, match=r"holds no images: put .*png"):
        images(tmp_path, size=8)
    (tmp_path / "broken.png").touch()
    with pytest.raises(ValueError, match=r"holds no images that can be used: 1 skipped \(broken.png: is empty\)"):
        images(tmp_path, size=8)
    with pytest.raises(ValueError, match=r"broken.png lies in .* move it to a folder"):
        images(tmp_path, size=8, labels=True)
    with pytest.raises(ValueError, match=r"2 channels"):
        images(tmp_path, size=8, channels=2)
