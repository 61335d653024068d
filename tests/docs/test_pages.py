"""The Python on the site's pages runs, block by block, and so do the changes that they show to files."""

import re
import shutil
from pathlib import Path

import jax
import numpy as np
import published
import pytest
import test_floors
from PIL import Image
from torch_files import written

from gan_jax.cli import main as cli
from gan_jax.experiment import build, init_of, load
from gan_jax.nets import r3gan

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]
REFERENCE = sorted((DOCS / "reference").glob("*.rst"))
CODE = {page: re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL) for page in PAGES}


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Two classes of images in ./photos."""
    monkeypatch.chdir(tmp_path)
    for name in ("cat/1.png", "dog/1.png"):
        Path("photos", name).parent.mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(Path("photos", name))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of an untrained generator."""
    folder = tmp_path_factory.mktemp("runs") / "RUN"
    file = ROOT / "experiments" / "wgan_gp_points.py"
    cli.main(["train", str(file), "--run-dir", str(folder), "--steps", "0", "--width", "4"])
    return folder


@pytest.fixture
def files(photos, run):
    """Images in ./photos/train and ./photos/test too, a run in ./RUN, and a published generator in ./generator.pt."""
    for name in ("train", "test"):
        shutil.copytree("photos/cat", Path("photos", name))
    Path("RUN").symlink_to(run)
    generator = r3gan.generator(widths=(8,), blocks=1, shape=(4, 4, 3))
    params, _ = generator.init(jax.random.key(0), np.zeros((1, 2), np.float32), None)
    Path("generator.pt").write_bytes(written(published.r3gan(params, blocks=1)))


@pytest.mark.parametrize("page", [page for page in PAGES if CODE[page]], ids=lambda page: page.stem)
def test_each_block_of_python_on_a_page_runs_alone(page, files):
    for code in CODE[page]:
        exec(compile(code, str(page), "exec"), {})


def test_the_change_that_gives_an_experiment_classes_fits_its_file_and_works(photos):
    (change,) = re.findall(r"```diff\n(.*?)```", (DOCS / "how_to" / "own_data.md").read_text(), re.DOTALL)
    before, after = (
        "".join(line[1:] for line in change.splitlines(keepends=True) if line[0] != left_out) for left_out in "+-"
    )
    original = (ROOT / "experiments" / "wgan_gp_folder.py").read_text()
    assert before in original
    mine = Path("mine.py")
    mine.write_text(original.replace(before, after))
    experiment = build(load(mine), {"folder": Path("photos"), "width": 2})
    assert experiment.data.classes == 2
    state = jax.eval_shape(init_of(experiment), jax.random.key(0))
    assert all("Projection" in str(params) or "Conditional" in str(params) for params in state.params)


def test_the_command_of_the_how_to_page_imports_downward_only(tmp_path, monkeypatch):
    (code,) = CODE[DOCS / "how_to" / "new_command.md"]
    file = tmp_path / "cli" / "count.py"
    file.parent.mkdir()
    file.write_text(code)
    monkeypatch.setattr(test_floors, "ROOT", tmp_path)
    test_floors.test_imports_go_downward_only(file)


def test_every_page_is_in_a_menu():
    named = set()
    for page in PAGES:
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            named |= {(page.parent / line).resolve() for line in tree.splitlines() if not line.startswith(":")}
    for page in [*PAGES, *REFERENCE]:
        assert page == DOCS / "index.md" or page.with_suffix("").resolve() in named, page
