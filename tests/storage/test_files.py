"""Files are written whole or not at all, and JSON from outside is read with care."""

import hashlib
import os

import pytest

from gan_jax.storage import files
from gan_jax.storage.files import PART, read_json, sha256_of, whole, write_whole


def test_a_file_is_on_the_disk_before_it_takes_its_name(tmp_path, monkeypatch):
    file = tmp_path / "result.json"
    synced = []
    monkeypatch.setattr(files.os, "fsync", lambda number: synced.append((os.fstat(number).st_size, file.exists())))
    write_whole(file, "all of it")
    assert synced == [(9, False)]
    assert file.read_text() == "all of it"
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]


def test_what_fails_leaves_the_file_that_was_there_and_nothing_else(tmp_path):
    file = tmp_path / "weights.bin"
    write_whole(file, b"old")

    def write_and_stop() -> None:
        with whole(file) as part:
            part.write_bytes(b"new, but not whole")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_stop()
    assert file.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["weights.bin"]


def test_who_reads_the_old_file_still_has_it_whole(tmp_path):
    file = tmp_path / "weights.bin"
    write_whole(file, b"old")
    with file.open("rb") as reader:
        write_whole(file, b"new")
        assert reader.read() == b"old"
    assert file.read_bytes() == b"new"


def test_writers_of_one_file_do_not_disturb_one_another(tmp_path):
    file = tmp_path / "config.json"
    with whole(file) as first:
        first.write_text("first")
        with whole(file) as second:
            second.write_text("second")
        assert file.read_text() == "second"
        assert first.parent.suffix == second.parent.suffix == PART
        assert first.name == second.name == file.name, "its suffix tells writers the format"
    assert file.read_text() == "first"


def test_a_files_hash_is_that_of_its_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"\0\1")
    assert sha256_of(tmp_path / "file") == hashlib.sha256(b"\0\1").hexdigest()


@pytest.mark.parametrize(
    ("text", "why"), [("[" * 100_000, "nested too deeply"), ("{" + " " * 50, "51 bytes"), ("{", "Expecting")]
)
def test_json_that_cannot_be_what_it_should_be_is_refused(tmp_path, text, why):
    (tmp_path / "file").write_text(text)
    with pytest.raises(ValueError, match=why):
        read_json(tmp_path / "file", largest=50 if len(text) == 51 else files.LARGEST)
