"""What pyproject.toml promises is what constraints/, the README and the site say."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import gan_jax

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
FILES = sorted((ROOT / "constraints").glob("*.txt"))
# These follow JAX's version, are for preparing data alone, or (gradio) hold Pillow back.
UNPINNED = {"cuda12", "cuda13", "tpu", "tfds", "explore"}
PINNED = [*PROJECT["dependencies"], *(one for extra in EXTRAS.keys() - UNPINNED for one in EXTRAS[extra])]


def test_each_supported_python_has_its_constraints():
    supported = [line.rpartition(" ")[2] for line in PROJECT["classifiers"] if "Python :: 3." in line]
    assert [f"py{version.replace('.', '')}.txt" for version in supported] == [file.name for file in FILES]
    assert PROJECT["requires-python"] == f">={supported[0]}"
    assert f"Python {supported[0]} to {supported[-1]}" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_constraints_hold_one_version_that_fits_of_each_dependency_and_no_address(file):
    comment, *lines = file.read_text().splitlines()
    assert comment.startswith("# ")
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!]+", line) for line in lines)
    versions = {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}
    for needed in map(Requirement, PINNED):
        assert needed.specifier.contains(versions[canonicalize_name(needed.name)], prereleases=True), needed


def test_the_page_on_installing_names_each_extra():
    text = (ROOT / "docs" / "install.md").read_text()
    for extra in EXTRAS:
        assert f"`{extra}`" in text, extra


def test_the_citation_is_of_this_version():
    assert f"\nversion: {gan_jax.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"\n## {gan_jax.__version__}" in (ROOT / "CHANGELOG.md").read_text()
