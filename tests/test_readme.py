"""What the README and the notebooks show runs."""

import re
from pathlib import Path

import jax.numpy as jnp
import pytest

ROOT = Path(__file__).parent.parent


def test_the_python_of_the_readme_runs():
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    names: dict = {}
    exec(compile(code, "README.md", "exec"), names)
    assert {"critic/r1", "critic/r2", "generator/loss"} <= names["metrics"].keys()
    assert all(jnp.isfinite(value) for value in names["metrics"].values())


def test_every_experiment_is_in_the_readme_and_has_a_docstring():
    text = (ROOT / "README.md").read_text()
    for file in (ROOT / "experiments").glob("*.py"):
        assert f"`{file.name}`" in text
        assert file.read_text().startswith('"""')


def test_every_link_of_the_readme_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("notebook", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.name)
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of Jupyter's own
def test_the_notebook_runs_from_top_to_bottom(notebook):
    import nbformat
    from nbclient import NotebookClient

    cells = nbformat.read(notebook, as_version=4)
    NotebookClient(cells, timeout=400, resources={"metadata": {"path": str(ROOT)}}).execute()
    printed = "".join(
        output.get("text", "") for cell in cells.cells if cell.cell_type == "code" for output in cell.outputs
    )
    modes = re.search(r"(\d+) of 25 modes", printed)
    assert modes
    assert int(modes[1]) >= 20
