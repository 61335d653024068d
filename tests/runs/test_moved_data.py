"""A run reports its data, and copes with data that were moved, changed or deleted."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from command_line import files, refused
from PIL import Image

from gan_jax.cli import main as cli
from gan_jax.runs.config import as_declared

SHADES = '''"""Shades of grey, from a folder."""

from pathlib import Path

import flax.linen as nn
import optax

from gan_jax import losses, priors
from gan_jax.data.folders.images import images
from gan_jax.experiment import Experiment
from gan_jax.nets.linen import from_linen
from gan_jax.types import Players


class Critic(nn.Module):
    @nn.compact
    def __call__(self, x, condition, mode):
        return nn.Dense(1)(x.reshape(len(x), -1))[:, 0]


class Generator(nn.Module):
    @nn.compact
    def __call__(self, z, condition, mode):
        return nn.tanh(nn.Dense(64)(z)).reshape(-1, 8, 8, 1)


def experiment(*, steps: int = 2, batch_size: int = 8, folder: Path = Path("photos"), other: Path | None = None):
    data = images(folder, size=8, channels=1)
    nets = Players(from_linen(Critic()), from_linen(Generator()))
    optimizers = Players(optax.sgd(0.1), optax.sgd(0.1))
    return Experiment(data=data, nets=nets, objective=losses.hinge(), optimizers=optimizers, prior=priors.normal(2),
                      steps=steps, batch_size=batch_size)
'''


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A folder with photos, of which one is broken, and a run trained on them."""
    root = tmp_path_factory.mktemp("begun")
    (root / "photos").mkdir()
    for shade in range(12):
        Image.new("L", (8, 8), 20 * shade).save(root / "photos" / f"{shade:02d}.png")
    (root / "photos" / "broken.png").write_text("<html>404</html>")
    (root / "photos" / "notes.txt").write_text("notes")
    (root / "shades.py").write_text(SHADES)
    cli.main(["train", str(root / "shades.py"), "--folder", str(root / "photos"), "--run-dir", str(root / "run")])
    return root


@pytest.fixture
def here(begun, tmp_path, monkeypatch):
    """A folder to work in, with the run, but without its photos."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(begun / "run", "run")
    hide(Path("run"))
    return begun


def hide(run: Path) -> None:
    """As where the photos were moved away."""
    config = json.loads((run / "config.json").read_text())
    config["arguments"]["folder"] = str(Path("gone").absolute())
    (run / "config.json").write_text(json.dumps(config))


def test_train_tells_what_was_found_and_keeps_all_reasons(begun, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    cli.main(["train", str(begun / "shades.py"), "--folder", str(begun / "photos"), "--run-dir", "run", "--steps", "0"])
    err = capsys.readouterr().err
    said = "gan-jax: run: 12 images, 1 skipped (why: run/skipped.txt), 1 other file ignored (1 .txt)"
    assert [line for line in err.splitlines() if line.startswith("gan-jax")] == [said]
    (reason,) = Path("run/skipped.txt").read_text().splitlines()
    assert reason.startswith("broken.png: ")


@pytest.mark.parametrize(("batch_size", "told"), [("8", False), ("16", True)])
def test_fewer_examples_than_a_batch_are_told(begun, tmp_path, monkeypatch, capsys, batch_size, told):
    monkeypatch.chdir(tmp_path)
    given = ["--folder", str(begun / "photos"), "--run-dir", "run", "--steps", "0", "--batch-size", batch_size]
    cli.main(["train", str(begun / "shades.py"), *given])
    assert (
        "12 examples are fewer than a batch of 16: a batch has some of them twice\n" in capsys.readouterr().err
    ) == told


def test_samples_are_drawn_without_the_data_as_with_them(here):
    cli.main(["sample", str(here / "run"), "--num", "4", "--out", "with.png", "--no-provenance"])
    cli.main(["sample", "run", "--num", "4", "--out", "without.png", "--no-provenance"])
    assert Path("with.png").read_bytes() == Path("without.png").read_bytes()


@pytest.mark.parametrize("command", ["resume run --steps 4", "evaluate run", "neighbours run"])
def test_what_needs_the_data_says_how_to_name_their_place(here, capsys, command):
    says = refused(capsys, *command.split())
    assert "gone isn't a folder" in says
    assert "if the run's data were moved, give their new place by --data" in says


def test_moved_data_are_the_same_wherever_they_lie(here):
    shutil.copytree(here / "photos", "elsewhere")
    shutil.copytree(here / "run", "stayed")
    cli.main(["resume", "run", "--steps", "4", "--data", "elsewhere"])
    cli.main(["resume", "stayed", "--steps", "4"])
    assert files(Path("run"), "metrics.jsonl") == {"run/metrics.jsonl": Path("stayed/metrics.jsonl").read_bytes()}
    np.testing.assert_array_equal(
        *(np.asarray(Image.open(f"{run}/samples/step_0000004.png")) for run in ("run", "stayed"))
    )
    cli.main(["resume", "run", "--steps", "5"])  # it knows the new place from now on
    Path("look.py").write_text("def look(x):\n    return x.reshape(len(x), -1)\n")
    cli.main(["neighbours", "run", "--num", "3", "--features", "look.py:look", "--data", "elsewhere"])


def test_samples_are_those_of_the_run_whatever_lies_where_its_data_were(here):
    cli.main(["sample", "run", "--num", "4", "--out", "gone.png", "--no-provenance"])
    Path("gone").mkdir()
    Path("gone/00.png").write_text("no image")
    cli.main(["sample", "run", "--num", "4", "--out", "changed.png", "--no-provenance"])
    assert Path("gone.png").read_bytes() == Path("changed.png").read_bytes()


@pytest.mark.parametrize(
    "memory", ["{", "[]}", "[1]", '{"loader": 1}', '[{"loader": "folder"}]', '[{"loader": "images", "data": {}}]', None]
)
def test_broken_memory_is_named(here, capsys, memory):
    Path("run/data.json").unlink() if memory is None else Path("run/data.json").write_text(memory)
    assert "run/data.json is missing or broken" in refused(capsys, "sample", "run")


def test_file_that_was_mended_since_is_named_where_the_run_is_resumed(here, capsys):
    shutil.copytree(here / "photos", "elsewhere")
    shutil.copy("elsewhere/03.png", "elsewhere/broken.png")
    says = refused(capsys, "resume", "run", "--steps", "4", "--data", "elsewhere")
    assert "or start a new run; broken.png was skipped when the run began: if it can be used now, move it away" in says


def test_place_that_was_given_and_is_wrong_is_not_asked_for_again(here, capsys):
    Path("file").touch()
    says = refused(capsys, "resume", "run", "--steps", "4", "--data", "file")
    assert "file isn't a folder" in says
    assert "--data" not in says


def test_reasons_that_cannot_be_written_are_in_the_line(here, capsys):
    shutil.copytree(here / "photos", "elsewhere")
    Path("run/skipped.txt").unlink()
    Path("run/skipped.txt").mkdir()
    cli.main(["resume", "run", "--steps", "3", "--data", "elsewhere"])
    err = capsys.readouterr().err
    assert "gan-jax: run: its steps were 2 and are now 3\n" in err
    assert "1 skipped (broken.png: " in err


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("seed", 1.5, "seed is 1.5, where int is wanted"),
        ("parallel", "zzz", "parallel is 'zzz', where jit or pmap is wanted"),
        ("precision", "f16", "precision is 'f16', where f32 or bf16 is wanted"),
        ("log_every", "5", "log_every is '5', where int is wanted"),
        ("rollback_rate", None, "rollback_rate is None, where float is wanted"),
        ("num_seeds", True, "num_seeds is True, where int is wanted"),
    ],
)
def test_options_of_other_types_in_the_configuration_are_named(here, capsys, name, value, says):
    config = json.loads(Path("run/config.json").read_text())
    config["options"][name] = value
    Path("run/config.json").write_text(json.dumps(config))
    assert f"run/config.json is broken ({says}): restore it, or start a new run" in refused(capsys, "sample", "run")


def test_several_paths_come_back_as_they_were_given():
    def experiment(*, more: tuple[Path, ...] = (), one: Path | None = None, steps: int = 1): ...

    given = {"more": (Path("a"), Path("b")), "one": Path("c"), "steps": 3}
    assert as_declared(experiment, json.loads(json.dumps(given, default=str))) == given


def test_other_data_in_the_new_place_are_refused(here, capsys):
    shutil.copytree(here / "photos", "elsewhere")
    Path("elsewhere/00.png").unlink()
    assert "its data were 12 images of 8x8x1" in refused(capsys, "resume", "run", "--steps", "4", "--data", "elsewhere")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, "--data nowhere: no such file or folder"),
        ({"other": "x"}, "one argument of shades must name the place of its data; folder and other do"),
        ({"folder": None}, "one argument of shades must name the place of its data; none of its arguments does"),
    ],
)
def test_place_that_cannot_be_told_is_refused(here, capsys, changed, says):
    config = json.loads(Path("run/config.json").read_text())
    config["arguments"] |= changed
    Path("run/config.json").write_text(json.dumps(config))
    assert says in refused(capsys, "resume", "run", "--steps", "4", "--data", "nowhere")
