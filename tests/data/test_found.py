"""One line tells what is used of a folder and what isn't."""

import logging
import os
from collections import Counter
from pathlib import Path

from gan_jax.data.found import Found, Skipped, counted, printable


def test_line_tells_what_is_used_skipped_and_ignored(caplog):
    skipped = tuple(Skipped(f"{i}.png", "cut short") for i in range(3))
    found = Found("12 images in 2 classes", skipped, Counter({".txt": 2, "": 1}))
    assert found.line("runs/a/skipped.txt") == (
        "12 images in 2 classes, 3 skipped (why: runs/a/skipped.txt), "
        "3 other files ignored (2 .txt, 1 without an ending)"
    )
    assert "3 skipped (0.png: cut short; 1.png: cut short ...)" in found.line()
    with caplog.at_level(logging.WARNING):
        assert found.announced(Path("photos")) is found
    assert "photos: 12 images" in caplog.text
    caplog.clear()
    Found("1 image").announced(Path("photos"))
    assert not caplog.records


def test_line_is_short_and_one_line_whatever_the_names_are(caplog):
    endings = Counter({f".{number}": 1 for number in range(298)} | {".a\nb": 3, os.fsdecode(b".\xe9"): 2})
    found = Found("1 image", (Skipped("a\n" * 999, "b\n" * 999),) * 2, endings)
    line = found.line()
    assert "303 other files ignored (3 .a\\nb, 2 .\\xe9, 1 .0, 1 .1, 1 .2 and 295 other endings)" in line
    assert line.isprintable()
    assert len(line) < 2000
    assert "1 .4 and 1 other ending)" in Found("", (), Counter(f".{number}" for number in range(6))).line()
    assert "1 .4)" in Found("", (), Counter(f".{number}" for number in range(5))).line()
    found.announced(Path("my\nphotos"))
    assert caplog.messages[-1].isprintable()


def test_numbers_agree_with_their_nouns():
    assert counted(12, "images", 2) == "12 images in 2 classes"
    assert counted(1, "images", 1) == "1 image in 1 class"
    assert (counted(1, "meshes"), counted(1000, "meshes")) == ("1 mesh", "1,000 meshes")


def test_names_that_are_not_utf8_or_break_lines_can_be_written():
    assert printable(os.fsdecode(b"bad\xe9 name\n.png")) == "bad\\xe9 name\\n.png"
    assert printable("日本 😀.png") == "日本 😀.png"
