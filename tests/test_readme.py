"""What the README and the notebooks show runs."""

import re
from pathlib import Path

import jax.numpy as jnp
import pytest

ROOT = Path(__file__).parent.parent
CONTRIBUTING = ROOT / "CONTRIBUTING.md"


def test_the_python_of_the_readme_runs():
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    assert {"critic/r1", "critic/r2", "generator/loss"} <= names["metrics"].keys()
    assert all(jnp.isfinite(value) for value in names["metrics"].values())


def test_every_experiment_is_on_its_page_and_has_a_docstring():
    text = (ROOT / "docs" / "experiments.md").read_text()
    for file in (ROOT / "experiments").glob("*.py"):
        assert f"`{file.name}`" in text
        assert file.read_text().startswith('"""')


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\((?!https:)([^)#]+)[^)]*\)", (ROOT / page).read_text()):
        assert (ROOT / target).exists(), target


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_every_path_that_contributors_are_sent_to_exists():
    for path in re.findall(
        r"`((?:gan_jax|tests|docs(?!/_build)|constraints|experiments)/[\w./]*)`", CONTRIBUTING.read_text()
    ):
        assert (ROOT / path).exists(), path


SHORT = {  # what the cell tagged "parameters" holds here
    "01_first_gan": "STEPS, CRITIC_STEPS = 20, 1",
    "02_gan_and_vae": "SEEDS, GAN_STEPS, VAE_STEPS, SAMPLES, RECONSTRUCTED = 1, 10, 50, 300, 16",
}
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def run(notebook: Path, parameters: str) -> str:
    """Runs it from top to bottom, and returns what it printed and displayed as text."""
    import nbformat
    from nbclient import NotebookClient

    cells = nbformat.read(notebook, as_version=4)
    for cell in cells.cells:
        if "parameters" in cell.metadata.get("tags", []):
            assert set(re.findall("[A-Z_]{2,}", parameters)) == set(re.findall("[A-Z_]{2,}", cell.source))
            cell.source = parameters
    NotebookClient(cells, timeout=400, resources={"metadata": {"path": str(ROOT)}}).execute()
    outputs = [output for cell in cells.cells if cell.cell_type == "code" for output in cell.outputs]
    return "".join(output.get("text", "") + output.get("data", {}).get("text/markdown", "") for output in outputs)


jupyters_warnings = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


@pytest.mark.exhaustive
@jupyters_warnings
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_the_notebook_runs_from_top_to_bottom(notebook):
    printed = run(notebook, SHORT[notebook.stem])
    if notebook.stem == "01_first_gan":
        assert re.search(r"\d+ of 25 modes", printed)
    else:
        rows = dict(re.findall(r"^\| (\w+) \| (.*) \|$", printed, re.MULTILINE))
        assert {"frechet_distance", "precision", "recall", "coverage", "sharpness", "reconstruction_error"} <= set(rows)
        gan, vae, real = (float(value) for value in rows["frechet_distance"].split(" | "))
        assert 0 < real < min(gan, vae)


@pytest.mark.exhaustive
@jupyters_warnings
def test_the_first_notebooks_generator_finds_most_modes():
    modes = re.search(r"(\d+) of 25 modes", run(NOTEBOOKS[0], "STEPS, CRITIC_STEPS = 1200, 2"))
    assert modes
    assert int(modes[1]) >= 15
