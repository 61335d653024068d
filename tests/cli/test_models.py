"""Commands on models: export, and directions, invert, sample and inspect of runs, bundles and the zoo."""

import dataclasses
import json
import shutil
import zipfile
from pathlib import Path

import jax
import numpy as np
import pytest
from command_line import SHADES, files, refused
from PIL import Image

from gan_jax import features
from gan_jax.cli import main as cli
from gan_jax.models import bundle
from gan_jax.models.card import settings_of
from gan_jax.models.open import folder_of_zoo, open_model
from gan_jax.runs.folder import open_run
from gan_jax.runs.trained import open_trained_to_sample
from gan_jax.storage.provenance import inspect
from gan_jax.views import images

SMALL = (
    SHADES.replace("(30, 30, 1)", "(8, 8, 1)")
    .replace("normal(2)", "normal(3)")
    .replace("on_device(data)", 'on_device(data)._replace(licence="CC0 | mine")')
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a run and its bundle."""
    folder = tmp_path_factory.mktemp("shades")
    (folder / "shades.py").write_text(SMALL)
    cli.main(["train", str(folder / "shades.py"), "--run-dir", str(folder / "run")])
    cli.main(["export", str(folder / "run"), "--out", str(folder / "shades.ganjax")])
    return folder


@pytest.fixture
def here(made, tmp_path, monkeypatch):
    """A folder with the bundle alone."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(made / "shades.ganjax", tmp_path)
    return tmp_path


def test_a_bundle_draws_the_files_that_its_run_draws_without_it(made, here):
    cli.main(["sample", str(made / "run"), "--num", "4", "--out", "run.png"])
    cli.main(["sample", "shades.ganjax", "--num", "4", "--out", "bundle.png"])
    with Image.open("run.png") as run, Image.open("bundle.png") as bundle:
        np.testing.assert_allclose(np.asarray(run, int), np.asarray(bundle, int), atol=1)
    assert inspect(Path("run.png")) == inspect(Path("bundle.png"))


def test_its_card_says_what_it_was_trained_on_and_is_for(here, capsys):
    cli.main(["inspect", "shades.ganjax"])
    card = capsys.readouterr().out
    assert card.startswith("# shades\n")
    assert "| licence | CC0 \\| mine |" in card
    assert "| samples | float32[8, 8, 1] |" in card
    assert "None: the run wasn't evaluated." in card
    assert "deepfakes" in card
    assert str(here) not in card


def test_a_card_names_the_folder_of_the_data_and_not_where_it_lies(made):
    run = open_run(made / "run")
    arguments = {"folder": "/home/ann/photos", "steps": 3, "text": None}
    settings = settings_of(dataclasses.replace(run, arguments=arguments))
    assert settings == {"folder": "photos", "steps": "3", "seed": "0"}


def test_a_runs_card_is_that_of_its_bundle(made, here, capsys):
    cli.main(["inspect", str(made / "run")])
    of_run = capsys.readouterr().out
    cli.main(["inspect", "shades.ganjax"])
    assert capsys.readouterr().out == of_run


def test_a_licence_and_figures_are_in_the_card(made, here, capsys):
    shutil.copytree(made / "run", "run")
    Path("own.py").write_text("def look(images):\n    return images.reshape(len(images), -1)[:, :4]\n")
    cli.main(["evaluate", "run", "--num", "20", "--features", "own.py:look"])
    cli.main(["export", "run", "--out", "b.ganjax", "--licence", "CC BY 4.0"])
    capsys.readouterr()
    cli.main(["inspect", "b.ganjax"])
    card = capsys.readouterr().out
    assert "| licence | CC BY 4.0 |" in card
    assert "| frechet_distance ↓ |" in card
    assert "Protocol: data " in card


def test_a_card_says_at_which_step_its_figures_were_measured(made, here, capsys):
    shutil.copytree(made / "run", "run")
    Path("own.py").write_text("def look(images):\n    return images.reshape(len(images), -1)[:, :4]\n")
    cli.main(["evaluate", "run", "--num", "20", "--features", "own.py:look"])
    cli.main(["resume", "run", "--steps", "2"])
    cli.main(["export", "run"])
    capsys.readouterr()
    cli.main(["inspect", "run.ganjax"])
    card = capsys.readouterr().out
    assert "trained for 2 updates" in card
    assert "Measured at step 1," in card


def test_a_card_has_the_figures_of_the_game_that_is_exported(here, capsys):
    Path("shades.py").write_text(SMALL)
    Path("own.py").write_text("def look(images):\n    return images.reshape(len(images), -1)[:, :4]\n")
    cli.main(["train", "shades.py", "--run-dir", "two", "--num-seeds", "2"])
    cli.main(["evaluate", "two", "--num", "20", "--features", "own.py:look"])
    cli.main(["export", "two", "--game", "1", "--out", "two.ganjax"])
    capsys.readouterr()
    cli.main(["inspect", "two.ganjax"])
    (result,) = json.loads(Path("two/result.json").read_text())["results"]
    first, second = (f"{value:.4g}" for value in result["figures"]["frechet_distance"])
    card = capsys.readouterr().out
    assert f"| frechet_distance ↓ | {second} |" in card
    assert first != second


def test_conditions_that_a_generator_ignores_are_left_out_of_its_model(here, capsys):
    labels = "on_device(data, np.arange(16) % 2)"
    Path("classes.py").write_text(SMALL.replace("on_device(data)", labels))
    cli.main(["train", "classes.py", "--run-dir", "classes"])
    model = open_model(Path("classes"))
    assert (model.classes, model.conditions) == (0, None)
    ours = "mlp.generator(shape, width=4, classes=2)"
    Path("ours.py").write_text(SMALL.replace("on_device(data)", labels).replace("mlp.generator(shape, width=4)", ours))
    cli.main(["train", "ours.py", "--run-dir", "ours"])
    assert open_model(Path("ours")).classes == 2


def test_a_generator_that_is_not_finite_is_not_exported(made, here, capsys, monkeypatch):
    def diverged(*arguments):
        trained = open_trained_to_sample(*arguments)
        return trained._replace(generators=jax.tree.map(lambda leaf: leaf * np.nan, trained.generators))

    monkeypatch.setattr("gan_jax.runs.trained.open_trained_to_sample", diverged)
    for words in ([], ["--half"]):
        assert "isn't finite: it has diverged" in refused(capsys, "export", str(made / "run"), *words)


def test_what_a_strangers_file_says_cannot_control_the_terminal(here, capsys):
    with zipfile.ZipFile("evil.ganjax", "w") as archive:
        archive.writestr("\x1b]0;evil\x07", b"")
    assert "\x1b" not in refused(capsys, "inspect", "evil.ganjax")
    assert "?[31mevil: no such run" in refused(capsys, "sample", "\x1b[31mevil")


def test_the_same_run_gives_the_same_bundle(made, here):
    cli.main(["export", str(made / "run"), "--out", "again.ganjax"])
    assert Path("again.ganjax").read_bytes() == Path("shades.ganjax").read_bytes()


def test_samples_of_a_half_precision_bundle_name_the_model_on_its_card(made, here, capsys):
    cli.main(["export", str(made / "run"), "--half", "--out", "half.ganjax"])
    cli.main(["sample", "half.ganjax", "--num", "1", "--out", "a.png"])
    capsys.readouterr()
    cli.main(["inspect", "half.ganjax"])
    assert inspect(Path("a.png"))["model"] in capsys.readouterr().out


@pytest.mark.parametrize("method", ["principal", "first_layer"])
def test_directions_are_drawn_a_row_each_and_kept(here, capsys, method):
    cli.main(["directions", "shades.ganjax", "--method", method, "--num", "2", "--frames", "3"])
    with Image.open("directions.png") as picture:
        assert picture.size == ((3 * 10 - 2) * 7, (2 * 10 - 2) * 7)
    assert inspect(Path("directions.png"))["experiment"] == "shades"
    assert np.load("directions.npz")["vectors"].shape == (2, 3)
    assert "z of 3" in capsys.readouterr().out


def test_the_latents_of_an_image_are_found_and_kept(here, capsys):
    model = open_model(Path("shades.ganjax"))
    images.single[".png"](model.sample(5, 1)[0], Path("target.png"))
    cli.main(["invert", "shades.ganjax", "target.png", "--starts", "2", "--steps", "200"])
    kept = json.loads(Path("latent.json").read_text())
    assert kept["of"] == "z of 3"
    assert len(kept["latent"]) == 3
    with Image.open("inversion.png") as pair:
        pixels = np.asarray(pair, int)
    assert np.abs(pixels[:, :56] - pixels[:, -56:]).max() < 20
    assert "target.png beside its reconstruction" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("sample none.ganjax", "none.ganjax: no such file"),
        ("sample none", "none: no such run or bundle"),
        ("sample zoo:unicorns", "zoo:unicorns: the zoo has zoo:conditional_digits, zoo:digits, zoo:drums"),
        ("sample zoo:../../x", "the zoo has"),
        ("sample shades.ganjax --game 1", "leave --game and --checkpoint out"),
        ("sample shades.ganjax --checkpoint best", "leave --game and --checkpoint out"),
        ("sample shades.ganjax --truncation -1", "it must be above 0"),
        ("sample shades.ganjax --condition 0", "condition 0: this generator has no conditions"),
        ("directions shades.ganjax --number 99999999999", "below 2**32 and 2**31"),
        ("directions shades.ganjax --span 1e300", "span above 0 and at most 100"),
        ("inspect none.ganjax", "none.ganjax: no such file"),
        ("inspect .", "isn't a run (it has no config.json)"),
        ("directions shades.ganjax --num 0", "num and frames must be 1 or more"),
        ("directions shades.ganjax --num 9", "9 directions: want 1 to"),
        ("directions shades.ganjax --method first_layer --num 9", "the bundle has 3"),
        ("directions shades.ganjax --save d.txt", "name a file of arrays, such as d.npz"),
        ("directions shades.ganjax --out d.wav", "walks go into one file, d.png or d.gif"),
        ("invert shades.ganjax none.png", "none.png: no such file"),
        ("invert shades.ganjax shades.ganjax", "shades.ganjax isn't an image"),
        ("invert shades.ganjax shades.ganjax --steps 0", "1 or more"),
        ("invert shades.ganjax shades.ganjax --save l.txt", "name a JSON file"),
        ("invert shades.ganjax shades.ganjax --out i.wav", "i.wav: name a file that ends in .png"),
        ("export none", "none isn't a run"),
        ("export zoo:digits", "zoo:digits is a bundle, which has no data or settings: name a run's folder"),
        ("export RUN --out shades.ganjax/b.ganjax", "--out shades.ganjax/b.ganjax: "),
        ("export RUN --out bundle.zip", "bundle.zip: name a bundle, such as bundle.ganjax"),
        ("export RUN --game 3", "game 3: the run has 1"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(made, here, capsys, words, line):
    before = files(made)
    words = words.replace("RUN", str(made / "run"))
    assert line in refused(capsys, *words.split())
    assert files(made) == before


@pytest.mark.parametrize("words", ["sample", "directions --method first_layer --num 1", "invert"])
def test_a_generator_that_has_diverged_makes_no_files(here, capsys, words):
    model = open_model("shades.ganjax")
    diverged = model._replace(variables=jax.tree.map(lambda leaf: leaf * np.nan, model.variables))
    bundle.write(diverged._replace(first_layer=model.first_layer), "", here / "bad.ganjax")
    command, *options = words.split()
    Image.new("L", (8, 8)).save("target.png")
    before = files(here)
    target = ["target.png"] if command == "invert" else []
    assert "aren't finite: has it diverged?" in refused(capsys, command, "bad.ganjax", *target, *options)
    assert files(here) == before


def test_a_bundle_under_another_name_is_recognised(here):
    Path("shades.ganjax").rename("model.zip")
    cli.main(["sample", "model.zip", "--num", "1"])
    assert Path("samples.png").exists()


@pytest.mark.parametrize("file", sorted(folder_of_zoo().glob("*.ganjax")), ids=lambda file: file.stem)
def test_each_model_of_the_zoo_draws_and_has_a_card(file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cli.main(["sample", f"zoo:{file.stem}", "--num", "2", "--out", "samples"])
    assert len(list(Path("samples").iterdir())) >= 2
    cli.main(["inspect", f"zoo:{file.stem}"])
    card = capsys.readouterr().out
    assert "not stated" not in card
    assert "## Figures\n\n| figure" in card


def test_a_condition_asks_for_one_digit(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.main(["sample", "zoo:conditional_digits", "--num", "10", "--condition", "7", "--out", "sevens"])
    sevens = np.stack([np.asarray(Image.open(file), np.float32) for file in sorted(Path("sevens").glob("*.png"))])
    seen = features.digits().look(sevens[..., None] / 127.5 - 1)
    assert (np.asarray(seen.logits).argmax(-1) == 7).mean() >= 0.7


def test_the_zoo_is_small():
    sizes = [file.stat().st_size for file in folder_of_zoo().glob("*.ganjax")]
    assert sizes
    assert max(sizes) <= 4e6
    assert sum(sizes) <= 12e6
