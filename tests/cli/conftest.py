"""A tiny game, and a run of it, for every test of the command line."""

from pathlib import Path

import pytest
from command_line import EVERY, TINY

from gan_jax.cli import main as cli


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """A folder to work in, with tiny.py."""
    monkeypatch.chdir(tmp_path)
    Path("tiny.py").write_text(TINY)
    return Path("tiny.py")


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run of six steps."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.py").write_text(TINY)
    cli.main(["train", str(folder / "tiny.py"), "--run-dir", str(folder / "run"), *EVERY])
    return folder / "run"
