"""Samples on the explorer's page, and the files that it makes."""

import base64
import json
import re

import numpy as np
import pytest
from tiny_models import MODELS

from gan_jax.explorer import media
from gan_jax.explorer.files import FEW, formats_of, new_folder, written
from gan_jax.storage.provenance import Origin, inspect

ORIGIN = Origin("tiny", "ab" * 32, 7, 3)


def shown(name):
    model = MODELS[name]()
    return media.show_of(model.view, ORIGIN), model


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("images", ["image/png"]),
        ("images beside photos", ["image/png"]),
        ("sounds", ["image/png", "audio/wav"]),
        ("clips", ["image/gif"]),
        ("shapes", ["image/png"]),
        ("text", []),
        ("points", []),
    ],
)
def test_a_sample_is_shown_in_the_formats_of_its_kind_which_say_that_it_is_synthetic(tmp_path, name, kinds):
    show, model = shown(name)
    page = show.stage(model.sample(0, 1)[0])
    files = re.findall(r'src="data:([a-z/]+);base64,([^"]+)"', page)
    assert [kind for kind, _ in files] == kinds
    for kind, content in files:
        file = tmp_path / f"sample.{kind.split('/')[1]}"
        file.write_bytes(base64.b64decode(content))
        assert inspect(file)["model"] == ORIGIN.model
    assert show.solid == (name == "shapes")


@pytest.mark.parametrize(("name", "plays"), [("images", 6), ("shapes", 6), ("text", 6), ("sounds", 0), ("clips", 0)])
def test_a_walk_plays_frame_by_frame_or_as_the_sound_or_film_of_its_kind(name, plays):
    show, model = shown(name)
    page = show.walk(model.walk(0, 2, 3))
    assert page.count('class="frame"') == plays
    assert page.count(" hidden>") == max(0, plays - 1)
    assert ("<audio" in page, "image/gif" in page) == (name == "sounds", name == "clips")


def test_words_that_are_not_real_are_marked_and_text_cannot_break_the_page():
    assert media.marked("a  xy\n", {"a"}) == '<span class="line">a  <mark>xy</mark></span>'
    assert media.marked("a xy", None) == '<span class="line">a xy</span>'
    page = media.marked("<b> ${value} {{x}} `", set())
    assert not set("{}$`") & set(page)
    assert "&lt;b&gt;" in page


def test_a_point_lies_where_its_coordinates_say_with_y_upwards():
    assert 'cx="0.500" cy="-1.250"' in media.point(np.array([0.5, 1.25]))


def test_the_current_sample_of_the_grid_is_pressed():
    page = media.grid(["a", "b"], range(4, 6), 5)
    assert re.findall(r'data-number="(\d)".*?aria-pressed="(\w+)"', page) == [("4", "false"), ("5", "true")]
    assert "true" not in media.grid(["a"], [0], None)


@pytest.mark.parametrize("name", ["images", "text", "points"])
def test_files_say_where_they_are_from_in_themselves_or_in_a_file_beside_them(tmp_path, name):
    _, model = shown(name)
    samples = {"sample": model.sample(0, 1)[0], "grid": model.sample(0, 4), "walk": model.walk(0, 2, 3)}
    for what, ending, write in formats_of(model.view).values():
        file, *beside = written("it", ending, write, samples[what], ORIGIN, new_folder(tmp_path))
        assert inspect(file)["seed"] == 3
        assert file.name == f"it{ending}"
        for note in beside:
            assert json.loads(note.read_text())["file"] == file.name
        assert bool(beside) == (ending in (".txt", ".html", ".csv"))


def test_only_the_last_few_folders_of_files_are_kept(tmp_path):
    made = [new_folder(tmp_path) for _ in range(FEW + 3)]
    assert sorted(tmp_path.iterdir()) == made[-FEW - 1 :]
