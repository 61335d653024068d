"""The pages of docs/running can be used as they are: their commands are ones that gan-jax takes."""

import contextlib
import io
import re
import subprocess
from pathlib import Path

import pytest

from gan_jax.cli import main as cli

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in (ROOT / "docs" / "running").iterdir() if path.suffix != ".md")
COMMAND = re.compile(r"gan-jax (train|resume|plan)\b(.*)")


def options_of(*command: str) -> set[str]:
    text = io.StringIO()
    with contextlib.redirect_stdout(text), pytest.raises(SystemExit):
        cli.main([*command, "--help"])
    return set(re.findall(r"--[a-z-]+", text.getvalue()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_experiments_and_options_that_there_are(page, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = page.read_text()
    experiments = set(re.findall(r"experiments/\w+\.py", text))
    assert experiments
    for experiment in experiments:
        assert Path(experiment).is_file()
    known = {name: options_of(name, *experiments) for name in ("train", "plan")} | {"resume": options_of("resume")}
    commands = COMMAND.findall(text)
    assert {"train", "resume"} <= {name for name, _ in commands}
    for name, rest in commands:
        assert set(re.findall(r"--[a-z-]+", rest)) <= known[name], f"gan-jax {name}{rest}"
    assert set(re.findall(r"--(?:coordinator|num-processes|process-id|distributed)", text)) <= known["train"]


@pytest.mark.parametrize("page", [page for page in PAGES if page.suffix != ".yaml"], ids=lambda page: page.name)
def test_a_script_is_one_that_bash_reads(page):
    subprocess.run(["bash", "-n", page], check=True)


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "running" / "README.md").read_text()
    for page in PAGES:
        assert f"[{page.name}]({page.name})" in index
