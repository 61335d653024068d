"""`gan-jax sample` in every form of a kind, each saying what it is, and `gan-jax inspect` reading that."""

import hashlib
from pathlib import Path

import jax
import numpy as np
import pytest
from command_line import SHADES, files
from PIL import Image

from gan_jax import views
from gan_jax.cli import main as cli
from gan_jax.cli.sample import format_of
from gan_jax.models.model import Model
from gan_jax.runs.checkpoint import restore
from gan_jax.runs.folder import open_run
from gan_jax.runs.games import abstract_state, keys_of
from gan_jax.runs.trained import open_trained
from gan_jax.sample import make_sampler
from gan_jax.storage.provenance import SYNTHETIC, hash_of, inspect
from gan_jax.types import Variables


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shades")
    (folder / "shades.py").write_text(SHADES)
    cli.main(["train", str(folder / "shades.py"), "--run-dir", str(folder / "run")])
    return folder / "run"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def pixels(file: str) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image)


def refused(capsys, *words: str) -> str:
    with pytest.raises(SystemExit) as exit_:
        cli.main([*words])
    assert exit_.value.code == 2
    return capsys.readouterr().err


def test_a_file_says_which_generator_drew_it(run, capsys):
    cli.main(["sample", str(run), "--num", "4", "--seed", "3"])
    told = inspect(Path("samples.png"))
    trained = open_trained(run, "latest")
    assert told["model"] == hash_of(trained.generators[0])
    assert (told["experiment"], told["step"], told["seed"]) == ("shades", 1, 3)
    capsys.readouterr()
    cli.main(["inspect", "samples.png"])
    out = capsys.readouterr().out
    assert f"samples.png says that it is synthetic: {SYNTHETIC}" in out
    assert told["model"] in out


def test_leaving_it_out_takes_a_flag_and_changes_no_pixel(run, capsys):
    cli.main(["sample", str(run), "--num", "4"])
    cli.main(["sample", str(run), "--num", "4", "--no-provenance", "--out", "bare.png"])
    np.testing.assert_array_equal(pixels("samples.png"), pixels("bare.png"))
    capsys.readouterr()
    cli.main(["inspect", "bare.png"])
    assert "bare.png says nothing of its origin, which proves nothing" in capsys.readouterr().out


def test_the_same_command_gives_the_same_marked_bytes(run):
    hashes = []
    for _ in range(2):
        cli.main(["sample", str(run), "--num", "2", "--interpolate", "--frames", "3", "--out", "walk.gif"])
        hashes.append(hashlib.sha256(Path("walk.gif").read_bytes()).hexdigest())
    assert hashes[0] == hashes[1]


def test_walks_are_rows_of_a_strip_and_frames_of_a_film(run):
    for out in ("walk.png", "walk.gif"):
        cli.main(["sample", str(run), "--num", "2", "--interpolate", "--frames", "3", "--out", out])
        assert inspect(Path(out))["digital_source_type"] == SYNTHETIC
    assert pixels("walk.png").shape == (2 * 32 - 2, 3 * 32 - 2)
    with Image.open("walk.gif") as film:
        assert film.n_frames == 6
    cli.main(["sample", str(run), "--num", "2", "--out", "folder"])
    np.testing.assert_allclose(pixels("walk.png")[:30, :30], pixels("folder/00000.png"), atol=1)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--interpolate --out folder", "folder: walks go into one file, folder.png or folder.gif"),
        ("--interpolate --frames 0", "frames 0, seed 0: num and frames must be 1 or more"),
        ("--suffix .stl --out folder", "--suffix .stl: samples of this kind are written as .png"),
        ("--suffix png", "--suffix png: samples.png holds all samples; give a folder for a file each"),
        (
            "--out samples.wav",
            "samples.wav: samples of this kind are written to one file, samples.png, or to a folder, a file each",
        ),
    ],
)
def test_a_form_that_the_kind_has_not_is_named(run, capsys, words, line):
    assert line in refused(capsys, "sample", str(run), *words.split())
    assert not list(Path().iterdir())


def test_a_broken_sidecar_is_in_the_way_of_files_that_need_one_alone(tmp_path, run):
    (tmp_path / "provenance.jsonl").write_text("no JSON")
    cli.main(["sample", str(run), "--num", "2", "--out", str(tmp_path / "a.png")])
    assert inspect(tmp_path / "a.png")["experiment"] == "shades"


def test_data_that_have_changed_are_warned_of_where_samples_are_drawn_and_refused_on_resume(tmp_path, capfd):
    (tmp_path / "shades.py").write_text(SHADES)
    cli.main(["train", str(tmp_path / "shades.py"), "--run-dir", str(tmp_path / "run")])
    (tmp_path / "run/experiment.py").write_text(SHADES.replace("default_rng(0)", "default_rng(1)"))
    cli.main(["sample", str(tmp_path / "run"), "--num", "2", "--out", str(tmp_path / "a.png")])
    assert "its data were 16 images of 30x30x1" in capfd.readouterr().err
    with pytest.raises(SystemExit) as exit_:
        cli.main(["resume", str(tmp_path / "run"), "--steps", "2"])
    assert exit_.value.code == 2
    assert capfd.readouterr().err.endswith(": put them back as they were\n")


def test_samples_that_are_not_finite_are_refused_before_a_file_is_made(run, capsys, monkeypatch):
    monkeypatch.setattr(Model, "sample", lambda *_: np.full((2, 30, 30, 1), np.nan))
    assert "aren't finite: has it diverged?" in refused(capsys, "sample", str(run), "--out", "folder")
    assert not list(Path().iterdir())


def test_points_have_no_walks(capsys):
    with pytest.raises(ValueError, match="there are no walks for samples of this kind"):
        format_of(views.points, Path("samples.png"), None, True)


def test_what_cannot_be_inspected_is_named(capsys):
    assert "none.png: no such file" in refused(capsys, "inspect", "none.png")
    Path("broken.png").write_bytes(b"\x89PNG and no more")
    assert "broken.png can't be read as .png" in refused(capsys, "inspect", "broken.png")


def test_the_same_seed_gives_the_same_samples_however_many(trained, tmp_path):
    cli.main(["sample", str(trained), "--num", "3", "--seed", "7", "--out", str(tmp_path / "few")])
    cli.main(["sample", str(trained), "--num", "70", "--seed", "7", "--out", str(tmp_path / "many")])
    cli.main(["sample", str(trained), "--num", "3", "--seed", "8", "--out", str(tmp_path / "other")])
    few, many, other = (files(tmp_path / name, "*.csv") for name in ("few", "many", "other"))
    assert len(few) == 3
    assert len(many) == 70
    assert list(few.values()) == list(many.values())[:3]
    assert list(few.values()) != list(other.values())


def test_samples_and_pictures_are_of_the_averaged_generator(trained, tmp_path):
    run = open_run(trained)
    experiment = run.experiment()
    state = restore(run.checkpoints, abstract_state(experiment))
    draw = make_sampler(experiment.nets.generator, experiment.prior, experiment.data.conditions)
    averaged = draw(state.ema, jax.random.key(3), 4)
    latest = draw(Variables(state.params.generator, state.stats.generator), jax.random.key(3), 4)
    assert np.abs(averaged - latest).max() > 1e-3

    cli.main(["sample", str(trained), "--num", "4", "--seed", "3", "--out", str(tmp_path / "samples")])
    written = [np.loadtxt(file, delimiter=",") for file in sorted((tmp_path / "samples").glob("*.csv"))]
    np.testing.assert_allclose(written, averaged, rtol=1e-5)
    experiment.view.together[".png"](draw(state.ema, keys_of(0).samples, 9), tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == run.picture(6).read_bytes()


def test_samples_in_one_picture(trained, tmp_path):
    cli.main(["sample", str(trained), "--num", "9", "--out", str(tmp_path / "new" / "grid.png")])
    assert np.asarray(Image.open(tmp_path / "new" / "grid.png")).std() > 0
