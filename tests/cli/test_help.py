"""What takes no training: lists, help, and how soon they come."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_jax.cli import main as cli


def test_list_shows_first_lines_without_running_anything(tiny, capsys):
    Path("broken.py").write_text('"""Fine docs."""\nraise SystemError')
    cli.main(["list", "."])
    assert capsys.readouterr().out.splitlines() == ["broken.py  Fine docs.", "tiny.py    A tiny game."]


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["train", "--help"]])
def test_commands_that_train_nothing_import_no_jax(arguments):
    program = f"import sys; from gan_jax.cli.main import main\ntry: main({arguments})\n"
    program += "finally: assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)


def test_a_reader_that_leaves_early_is_no_error(tiny):
    gone, to_nobody = os.pipe()
    os.close(gone)
    command = [sys.executable, "-m", "gan_jax", "list", "."]
    ran = subprocess.run(command, stdout=to_nobody, stderr=subprocess.PIPE, text=True)
    os.close(to_nobody)
    assert (ran.returncode, ran.stderr) == (141, "")


def test_list_names_every_experiment_of_the_repository(capsys):
    experiments = Path(__file__).parents[2] / "experiments"
    cli.main(["list", str(experiments)])
    assert capsys.readouterr().out.count("\n") == len(list(experiments.glob("*.py")))


def test_help_shows_type_default_and_meaning(tiny, capsys):
    with pytest.raises(SystemExit) as exit_:
        cli.main(["train", "tiny.py", "--help"])
    assert exit_.value.code == 0
    text = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--width INT Hidden units. (default: 8)" in text
    assert "--seed INT Seed of every random number of the run. (default: 0)" in text


def test_options_may_come_before_the_experiment(tiny):
    cli.main(["train", "--steps", "1", "--run-dir", "run", "tiny.py"])
    assert Path("run/checkpoints/1").is_dir()
