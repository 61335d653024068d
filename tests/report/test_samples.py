"""New samples are shown by the formats that their view writes."""

import base64
import dataclasses
import io
import json
import shutil
import wave

import numpy as np
import pytest
from PIL import Image

from gan_jax import views
from gan_jax.report import samples
from gan_jax.report.read import read_runs
from gan_jax.runs.trained import Trained, open_trained_to_sample
from gan_jax.storage.provenance import Origin, inspect
from gan_jax.types import View

ORIGIN = Origin("tiny", "0" * 64, 6, 0)


def content(uri: str) -> bytes:
    return base64.b64decode(uri.partition(",")[2])


def test_points_are_in_one_picture(one_game):
    (record,) = read_runs([one_game])
    newest = samples.newest_samples(record.run, 4, 1)
    (card,) = newest.cards
    assert newest.step == 6
    with Image.open(io.BytesIO(content(card.picture))) as picture:
        assert picture.format == "PNG"


def test_each_game_has_samples_of_its_own_and_diverged_ones_are_counted(three_games, monkeypatch):
    (record,) = read_runs([three_games])
    cards = samples.newest_samples(record.run, 4, 1).cards
    assert [card.caption for card in cards] == ["game 0", "game 1", "game 2"]
    assert len({card.picture for card in cards}) == 3

    def one_diverged(*arguments) -> Trained:
        trained = open_trained_to_sample(*arguments)
        broken = trained.generators[1]._replace(stats={"mean": np.array([np.nan])})
        return trained._replace(generators=[trained.generators[0], broken, trained.generators[2]])

    monkeypatch.setattr(samples, "open_trained_to_sample", one_diverged)
    newest = samples.newest_samples(record.run, 4, 1)
    assert [card.caption for card in newest.cards] == ["game 0", "game 2"]
    assert newest.note == "1 of 3 games have diverged."


@pytest.mark.parametrize("broken", ["checkpoints", "experiment.py"])
def test_without_a_checkpoint_there_is_a_sentence(run, broken):
    (record,) = read_runs([run])
    if broken == "checkpoints":
        shutil.rmtree(run / "checkpoints")
    else:
        (run / "experiment.py").write_text("1 / 0")
    newest = samples.newest_samples(record.run, 4, 1)
    assert (newest.step, newest.cards) == (None, [])
    assert newest.note.startswith("No samples were drawn: ")
    assert "\n" not in newest.note


def test_a_sound_can_be_heard_and_seen():
    sound = np.sin(np.linspace(0, 400, 4096, dtype=np.float32))[None, :, None]
    card = samples.as_sound(views.sounds(8000), sound, ORIGIN)
    with wave.open(io.BytesIO(content(card.sound))) as file:
        assert (file.getframerate(), file.getnframes()) == (8000, 4096)
    assert card.picture


def test_a_clip_moves():
    clip = np.linspace(-1, 1, 1 * 4 * 8 * 8, dtype=np.float32).reshape(1, 4, 8, 8, 1)
    with Image.open(io.BytesIO(content(samples.as_film(views.videos, clip, ORIGIN).film))) as film:
        assert film.n_frames == 4


def test_a_shape_is_a_mesh_and_an_empty_one_a_picture():
    shape = np.full((1, 8, 8, 8, 1), -1, np.float32)
    assert samples.as_mesh(views.shapes, shape, ORIGIN).picture
    shape[:, 2:6, 2:6, 2:6] = 1
    card = samples.as_mesh(views.shapes, shape, ORIGIN)
    (mesh,) = json.loads(card.mesh)["data"]
    heights = np.frombuffer(base64.b64decode(mesh["y"]["bdata"]), np.float32)
    np.testing.assert_allclose([heights.min(), heights.max()], [2 / 8, 6 / 8], atol=0.5 / 8)
    assert not card.picture


def test_shapes_are_pictures_where_trimesh_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "trimesh", None)
    card = samples.as_mesh(views.shapes, np.ones((1, 8, 8, 8, 1), np.float32), ORIGIN)
    assert card.picture
    assert "gan-jax[shapes]" in card.caption


def test_text_is_a_document_or_else_plain():
    view = views.text(" <b", frozenset({"b"}))
    lines = np.eye(3)[[[1, 2, 0], [2, 0, 0]]]
    document = samples.together(view, lines, ORIGIN).document
    assert "<mark>&lt;b</mark>" in document
    assert samples.as_text(view, lines[1:], ORIGIN).text == "b\n"


def test_a_picture_says_that_it_is_synthetic(tmp_path):
    card = samples.as_picture(views.images, np.zeros((1, 4, 4, 3), np.float32), ORIGIN)
    (tmp_path / "one.png").write_bytes(content(card.picture))
    assert inspect(tmp_path / "one.png")["model"] == ORIGIN.model


@pytest.mark.parametrize(
    ("single", "field"), [({".csv": 0, ".png": 0}, "picture"), ({".png": 0, ".wav": 0}, "sound"), ({".txt": 0}, "text")]
)
def test_a_view_is_shown_by_the_endings_that_it_has(one_game, monkeypatch, single, field):
    view = View({".png": write_nothing}, dict.fromkeys(single, write_nothing))
    change(monkeypatch, view=view)
    (record,) = read_runs([one_game])
    newest = samples.newest_samples(record.run, 2, 1)
    assert len(newest.cards) == 2, newest.note
    if field != "text":
        assert all(getattr(card, field).startswith("data:") for card in newest.cards)


def test_captions_name_the_class_where_samples_depend_on_it(one_game, monkeypatch):
    view = View({".png": write_nothing}, {".png": write_nothing})
    (record,) = read_runs([one_game])
    data = open_trained_to_sample(one_game, "latest").experiment.data
    change(monkeypatch, view=view, data=data._replace(classes=2))
    assert [card.caption for card in samples.newest_samples(record.run, 3, 1).cards] == ["", "", ""]
    monkeypatch.setattr("gan_jax.models.open.is_conditional", lambda experiment: True)
    assert [card.caption for card in samples.newest_samples(record.run, 3, 1).cards] == [
        "class 0",
        "class 1",
        "class 0",
    ]


def write_nothing(x, path) -> None:
    path.write_bytes(b"")


def change(monkeypatch, **changed) -> None:
    """Makes reports open runs with these parts of their experiment changed, and leaves files unmarked."""

    def opened(*arguments) -> Trained:
        trained = open_trained_to_sample(*arguments)
        return trained._replace(experiment=dataclasses.replace(trained.experiment, **changed))

    monkeypatch.setattr(samples, "open_trained_to_sample", opened)
    monkeypatch.setattr("gan_jax.models.embedded.mark", lambda files, origin: None)
