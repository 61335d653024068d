"""A file of samples is there with its note and its signature, or not at all."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from gan_jax.errors import UserError
from gan_jax.storage import signature
from gan_jax.storage.provenance import SIDECAR, Origin, inspect
from gan_jax.storage.samples import write_samples
from gan_jax.views import images

ORIGIN = Origin("emoji", "0" * 64, 100, 7)


def picture(path):
    images.single[".png"](np.zeros((8, 8, 3)), path)


def stopped(path):
    path.write_bytes(b"half of i")
    raise KeyboardInterrupt


def test_an_interruption_leaves_whole_files_with_their_notes_and_old_ones_as_they_were(tmp_path):
    files = [tmp_path / f"{number}.png" for number in range(4)]
    files[2].write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt):
        write_samples(zip(files, [picture, picture, stopped, picture]), ORIGIN)
    assert sorted(tmp_path.iterdir()) == files[:3]
    assert all(inspect(file)["seed"] == 7 for file in files[:2])
    assert files[2].read_bytes() == b"old"


def test_an_interruption_leaves_lines_for_the_files_that_have_no_place_for_a_note(tmp_path):
    writers = [partial(Path.write_text, data="one"), partial(Path.write_text, data="two"), stopped]
    files = [(tmp_path / f"{number}.txt", writer) for number, writer in enumerate(writers, 1)]
    with pytest.raises(KeyboardInterrupt):
        write_samples(files, ORIGIN)
    noted = [json.loads(line)["file"] for line in (tmp_path / SIDECAR).read_text().splitlines()]
    assert noted == ["1.txt", "2.txt"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.txt", "2.txt", SIDECAR]


def test_files_without_a_note_are_as_the_view_writes_them(tmp_path):
    picture(tmp_path / "plain.png")
    write_samples([(tmp_path / "0.png", picture), (tmp_path / "0.txt", lambda path: path.write_text("a"))], None)
    assert (tmp_path / "0.png").read_bytes() == (tmp_path / "plain.png").read_bytes()
    assert not (tmp_path / SIDECAR).exists()


def test_a_file_that_cannot_be_signed_is_not_there(tmp_path, monkeypatch):
    def refuse(part, origin, signer):
        assert inspect(part)["seed"] == 7, "its note is signed too"
        if part.name == "1.png":
            raise UserError("1.png can't be signed")

    monkeypatch.setattr(signature, "sign", refuse)
    with pytest.raises(UserError, match="can't be signed"):
        write_samples([(tmp_path / f"{number}.png", picture) for number in range(3)], ORIGIN, signer=object())
    assert [path.name for path in tmp_path.iterdir()] == ["0.png"]
