"""What docs/how_to/a_sixth_kind.md shows runs: it trains, is drawn, is measured, and is a source like any other."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from source_properties import check_resumes, check_shapes

from gan_jax.cli import main as cli
from gan_jax.experiment import load

PAGE = Path(__file__).parents[2] / "docs/how_to/a_sixth_kind.md"


@pytest.fixture
def sixth_kind(tmp_path, monkeypatch):
    """The experiment of docs/how_to/a_sixth_kind.md in a folder of its own, with its measure."""
    monkeypatch.chdir(tmp_path)
    experiment, measure = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len([line for line in experiment.splitlines() if line.strip()]) <= 65
    imports, rest = measure.split("\n", 1)
    Path("brain_waves.py").write_text(
        f"{imports}\n{experiment}\n{rest}".replace('.csv": write_table}),', '.csv": write_table}), measure=spectrum,')
    )


@pytest.mark.exhaustive
def test_the_sixth_kind_trains_is_drawn_and_is_measured(sixth_kind, capsys):
    cli.main(["train", "brain_waves.py", "--run-dir", "run", "--steps", "2", "--batch-size", "8", "--width", "4"])
    cli.main(["sample", "run", "--num", "16"])
    with Image.open("samples.png") as picture:
        assert picture.size == (900, 900)
    cli.main(["sample", "run", "--num", "2", "--out", "folder"])
    assert np.loadtxt("folder/00001.csv", delimiter=",").shape == (64, 4)
    capsys.readouterr()
    cli.main(["evaluate", "run", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert 0 < result["floor"]["figures"]["decibels_off"] < result["figures"]["decibels_off"][0]
    assert result["protocol"]["measure"] == "power spectrum"
    assert result["better"] == {"decibels_off": "lower"}


def test_the_sixth_kind_is_a_source_like_any_other(sixth_kind):
    data = load(Path("brain_waves.py"))(steps=1).data
    check_shapes(data)
    check_resumes(data)
    assert data.split("test").size == 97
