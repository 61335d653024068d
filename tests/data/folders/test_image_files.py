"""Why an image file can't be used is said in a few true words."""

import io
import sys
import types
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from gan_jax.data.folders import image_files
from gan_jax.data.folders.image_files import endings, is_image, kinds_of, opened
from gan_jax.data.found import Unusable

NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
SOME = ["PNG", "JPEG", "BMP", "GIF", "TIFF", "PPM", "TGA", "QOI", "WEBP", "AVIF", "JPEG2000"]
SILENT = {  # of these Pillow doesn't say that they are cut
    "AVIF": r"can't be read \(.*\)",
    "WEBP": r"can't be read \(could not create decoder object\)",
    "JPEG2000": r"can't be read \(broken data stream when reading image file\)",
}


def written(kind: str) -> bytes:
    file = io.BytesIO()
    NOISE.save(file, kind)
    return file.getvalue()


def why(file) -> str:
    with pytest.raises(Unusable) as raised, opened(file) as image:
        image.load()
    return str(raised.value)


@pytest.mark.parametrize("kind", SOME)
def test_file_that_is_cut_short_is_named_so(tmp_path, kind):
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow reads no AVIF")
    whole = written(kind)
    file = tmp_path / f"0.{kind.lower()}"
    file.write_bytes(whole)
    with opened(file) as image:
        image.load()
    file.write_bytes(whole[: int(0.9 * len(whole))])
    with pytest.raises(Unusable, match=SILENT.get(kind, "^is cut short$")), opened(file) as image:
        image.load()


def test_files_that_are_no_images_are_named_so(tmp_path):
    file = tmp_path / "0.jpg"
    file.write_text("<html>404</html>")
    assert why(file) == "isn't an image"
    file.write_bytes(b"")
    assert why(file) == "is empty"
    file.write_bytes(written("PNG")[:30])
    assert why(file) == "is cut short"
    file.write_bytes(written("TIFF").replace(b"\6\1\3\0\1\0\0\0\2", b"\6\1\3\0\1\0\0\0\x63"))  # colours of another kind
    assert why(file) == "can't be read (unknown pixel mode)"


def test_fault_of_the_machine_is_none_of_the_file(tmp_path):
    with pytest.raises(FileNotFoundError), opened(tmp_path / "gone.png"):
        pass
    (tmp_path / "0.png").write_bytes(written("PNG"))
    with pytest.raises(MemoryError), opened(tmp_path / "0.png"):
        raise MemoryError


def test_ending_that_lies_is_no_fault(tmp_path):
    (tmp_path / "0.jpg").write_bytes(written("PNG"))
    with opened(tmp_path / "0.jpg") as image:
        assert image.format == "PNG"


def test_formats_without_a_mark_are_known_by_their_endings_alone(tmp_path):
    for name in ("0.tga", "0.jpg", "0"):
        (tmp_path / name).write_bytes(written("TGA"))
    assert is_image(tmp_path / "0.tga")
    assert not is_image(tmp_path / "0.jpg")
    assert not is_image(tmp_path / "0")


def test_endings_are_of_images_alone():
    assert {".png", ".jpg", ".jpeg", ".jfif", ".jpe", ".jp2", ".tga", ".webp", ".gif", ".tif", ".pgm"} <= set(endings())
    assert not {".pdf", ".eps", ".ps", ".mpg", ".h5", ".fits", ".wmf", ".txt"} & set(endings())


def test_heic_is_read_where_its_plugin_is_installed(monkeypatch):
    def register():
        monkeypatch.setitem(Image.EXTENSION, ".heic", "HEIF")
        monkeypatch.setitem(Image.OPEN, "HEIF", (None, None))

    assert ".heic" not in endings()
    monkeypatch.setitem(sys.modules, "pillow_heif", types.SimpleNamespace(register_heif_opener=register))
    endings.cache_clear()
    try:
        assert endings()[".heic"] == "HEIF"
        assert "HEIF" in kinds_of(Path("0.jpg"))
    finally:
        endings.cache_clear()


def test_large_images_wait_for_one_another(tmp_path, monkeypatch):
    (tmp_path / "0.png").write_bytes(written("PNG"))
    monkeypatch.setattr(image_files, "LARGE", 64 * 64 - 1)
    with opened(tmp_path / "0.png"):
        assert image_files.one_large.locked()
    assert not image_files.one_large.locked()
    monkeypatch.setattr(image_files, "LARGE", 64 * 64)
    with opened(tmp_path / "0.png"):
        assert not image_files.one_large.locked()
