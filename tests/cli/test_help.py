"""What takes no training: lists, help, and how soon they come."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import refused

import gan_jax
from gan_jax.cli import main as cli


def test_list_shows_first_lines_without_running_anything(tiny, capsys):
    Path("broken.py").write_text('"""Fine docs."""\nraise SystemError')
    cli.main(["list", "."])
    assert capsys.readouterr().out.splitlines() == ["broken.py  Fine docs.", "tiny.py    A tiny game."]


def test_version_is_printed_and_help_names_the_option(capsys):
    cli.main(["--version"])
    assert capsys.readouterr().out == f"gan-jax {gan_jax.__version__}\n"
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "--version prints the version" in " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_list_outside_of_a_clone_says_what_to_do(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    says = refused(capsys, "list")
    assert says == "gan-jax: experiments: no such folder; run this in a clone of gan_jax, or name your folder\n"


@pytest.mark.parametrize("arguments", [["list"], ["--help"], ["train", "--help"], ["--version"]])
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


def test_help_begins_with_the_header_of_the_file_and_lines_end_where_the_window_does(tiny, capsys):
    file = Path("tiny.py")
    file.write_text(
        file.read_text().replace("about it.", "about\n2 players.").replace("units.", "units,\n        1 or more.")
    )
    with pytest.raises(SystemExit):
        cli.main(["train", "tiny.py", "--help"])
    out = capsys.readouterr().out
    assert "A tiny game.\n\nMore about 2 players.\n" in out
    assert "Hidden units, 1 or more." in out


def test_options_may_come_before_the_experiment(tiny):
    cli.main(["train", "--steps", "1", "--run-dir", "run", "tiny.py"])
    assert Path("run/checkpoints/1").is_dir()
