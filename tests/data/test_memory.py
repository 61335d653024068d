"""A run remembers what its generator needs of its data, and a plan needs only the arguments of loaders."""

import importlib.resources
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import pytest
import soundfile
import trimesh
from PIL import Image
from source_properties import check_blank

from gan_jax import data
from gan_jax.data.memory import noting, planning, recalling, remembered
from gan_jax.data.packaged import drums
from gan_jax.data.source import Source, on_device


class Text(NamedTuple):
    source: Source
    alphabet: str
    words: frozenset[str]


def loaders():
    calls = []

    @remembered(Source)
    def images(labels):
        calls.append("images")
        return on_device(np.zeros((4, 2, 2, 1), np.uint8), labels, name="4 images")

    @remembered(Text)
    def text():
        calls.append("text")
        return Text(
            on_device(np.zeros((3, 5), np.uint8), decode=lambda x: x * 1.0, name="3 lines"), " ab", frozenset("ab")
        )

    return images, text, calls


def test_stand_ins_are_as_the_data_but_for_their_examples():
    images, text, calls = loaders()
    labels = np.array([0, 1, 1, 0])
    with noting() as notes:
        loaded = images(labels), text(), images(None)
    with recalling(notes):
        recalled = images(labels), text(), images(None)
    assert calls == ["images", "text", "images"]  # nothing was opened again
    for one, other in zip([loaded[0], loaded[1].source, loaded[2]], [recalled[0], recalled[1].source, recalled[2]]):
        assert one.example == other.example
        assert (one.size, one.classes, one.name) == (other.size, other.classes, other.name)
    assert recalled[1]._replace(source=None) == loaded[1]._replace(source=None)


def test_what_needs_the_examples_says_where_they_can_be_named():
    images, _, _ = loaders()
    with noting() as notes:
        images(None)
    with recalling(notes):
        source = images(None)
    for part in (source, source.split("test")):
        assert part.example == source.example
        with pytest.raises(FileNotFoundError, match="4 images, aren't here: give their new place by --data"):
            part.stream(jax.random.key(0), 0, 2)


def test_other_loaders_than_the_run_called_are_refused_and_what_it_did_not_note_is_loaded():
    images, text, calls = loaders()
    with noting() as notes:
        images(None)
    with recalling(notes), pytest.raises(ValueError, match="text is called where the run called images"):
        text()
    calls.clear()
    with recalling(notes):
        images(None), text()
    assert calls == ["text"]


def test_loader_outside_leaves_no_note():
    images, _, calls = loaders()
    with noting() as notes:
        pass
    images(None)
    assert not notes
    assert calls == ["images"]


def test_a_loader_that_another_one_calls_leaves_no_note():
    images, _, calls = loaders()

    @remembered(Source)
    def wrapper():
        return images(None)._replace(name="wrapped")

    with noting() as notes:
        wrapper()
    assert [note["loader"] for note in notes] == ["wrapper"]
    with recalling(notes):
        assert wrapper().name == "wrapped"
    assert calls == ["images"]


@pytest.fixture
def nothing_packaged(monkeypatch):
    """Makes opening the packaged data an error."""

    def refuse(*_):
        raise AssertionError("opened")

    monkeypatch.setattr(importlib.resources, "files", refuse)
    monkeypatch.setattr(drums, "FOLDER", Path("/nowhere"))


def source_of(loaded):
    return loaded if isinstance(loaded, Source) else loaded.source


PACKAGED = {
    "digits": lambda: data.digits(),
    "stacked digits": lambda: data.stacked_digits(),
    "moving digits": lambda: data.moving_digits(size=8, frames=3),
    "furniture": lambda: data.furniture(),
    "drums": lambda: data.drums(),
    "New Testament": lambda: data.new_testament(length=12),
}


@pytest.fixture(scope="module", params=PACKAGED)
def packaged(request):
    """How to load packaged data, the data, and the note of them."""
    load = PACKAGED[request.param]
    with noting() as notes:
        return load, load(), notes


def test_packaged_data_are_not_opened_to_plan(packaged, nothing_packaged):
    load, real, _ = packaged
    with planning():
        planned = load()
    check_blank(source_of(planned), source_of(real))
    if isinstance(real, data.Text):
        assert planned.alphabet == real.alphabet


def test_packaged_data_are_not_opened_to_sample(packaged, nothing_packaged):
    load, real, notes = packaged
    with recalling(notes):
        recalled = load()
    assert source_of(recalled)[:3] == source_of(real)[:3]
    assert source_of(recalled).name == source_of(real).name


def write_images(folder):
    for number in range(3):
        Image.new("RGB", (6, 5), (80 * number,) * 3).save(folder / f"{number}.png")


def write_sound(folder):
    soundfile.write(folder / "tone.wav", np.sin(np.arange(999)), 8000)


def write_mesh(folder):
    trimesh.creation.box((4, 2, 1)).export(folder / "box.obj")


def write_lines(folder):
    (folder / "lines.txt").write_text("many hands make light work\n" * 10)


OWN = {
    "images": (write_images, lambda folder: data.images(folder, size=4)),
    "grey images": (write_images, lambda folder: data.images(folder, size=4, channels=1)),
    "images as needed": (write_images, lambda folder: data.images(folder, size=4, limit=0)),
    "clips": (write_images, lambda folder: data.clips(folder, size=4, frames=3)),
    "grey clips": (write_images, lambda folder: data.clips(folder, size=4, frames=2, channels=1)),
    "sounds": (write_sound, lambda folder: data.sounds(folder, rate=8000, length=100)),
    "sounds as needed": (write_sound, lambda folder: data.sounds(folder, rate=8000, length=100, limit=0)),
    "meshes": (write_mesh, lambda folder: data.meshes(folder, side=4)),
    "frequent letters": (write_lines, lambda folder: data.text(folder / "lines.txt", length=9, alphabet=17)),
    "letters": (write_lines, lambda folder: data.text(folder / "lines.txt", length=9, alphabet="manyhdsekligtwor")),
}


@pytest.mark.parametrize("kind", OWN)
def test_a_plan_has_the_shapes_of_data_that_are_not_there(tmp_path, kind):
    write, load = OWN[kind]
    write(tmp_path)
    with planning():
        planned = load(Path("/nowhere"))
    real = load(tmp_path)
    check_blank(source_of(planned), source_of(real))
    if isinstance(real, data.Text):
        assert len(planned.alphabet) == len(real.alphabet)


def test_a_plan_opens_folders_that_hold_the_number_of_classes(tmp_path):
    (tmp_path / "one").mkdir()
    write_images(tmp_path / "one")
    with planning():
        assert data.images(tmp_path, size=4, labels=True).classes == 1
        with pytest.raises(FileNotFoundError, match="/nowhere isn't a folder"):
            data.images("/nowhere", size=4, labels=True)


REFUSED = {
    "images": (lambda: data.images("/nowhere", size=0), "no images of size 0"),
    "clips": (lambda: data.clips("/nowhere", size=4, frames=0), "0 frames of size 4"),
    "sounds": (lambda: data.sounds("/nowhere", length=0), "no sounds of 0 samples"),
    "meshes": (lambda: data.meshes("/nowhere", side=3), "no shapes of 3 voxels"),
    "alphabet": (lambda: data.text("/nowhere", alphabet=1), "an alphabet of 0 characters"),
    "text": (lambda: data.text("/nowhere", length=0), "lines of 0 characters"),
    "moving digits": (lambda: data.moving_digits(size=4), "4x4: want 1 or more"),
    "digits": (lambda: data.digits("validation"), "no split 'validation'"),
    "split of moving digits": (lambda: data.moving_digits("validation"), "no split 'validation'"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_plan_refuses_bad_arguments_as_training_does(kind):
    load, says = REFUSED[kind]
    with planning(), pytest.raises(ValueError, match=says):
        load()
