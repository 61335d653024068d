"""Tiny runs to report on: one of three games that were evaluated, one of a game, and one at its beginning."""

import shutil
from pathlib import Path

import pytest
from command_line import EVERY, MEASURED, TINY

from gan_jax.cli import main as cli


def trained_run(folder: Path, code: str, *options: str) -> Path:
    (folder / "tiny.py").write_text(code)
    cli.main(["train", str(folder / "tiny.py"), "--run-dir", str(folder / "run"), *EVERY, *options])
    return folder / "run"


@pytest.fixture(scope="session")
def one_game(tmp_path_factory):
    return trained_run(tmp_path_factory.mktemp("one"), TINY)


@pytest.fixture(scope="session")
def three_games(tmp_path_factory):
    run = trained_run(
        tmp_path_factory.mktemp("three"), MEASURED, "--num-seeds", "3", "--evaluate-every", "3", "--evaluate-num", "50"
    )
    cli.main(["evaluate", str(run), "--num", "50"])
    return run


@pytest.fixture
def run(one_game, tmp_path):
    """A copy to change."""
    return Path(shutil.copytree(one_game, tmp_path / "run"))
