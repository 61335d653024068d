"""The Python on the site's pages runs, and the commands are ones that gan-jax has."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TESTED_ELSEWHERE = {DOCS / "how_to" / "a_sixth_kind.md"}
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if "_build" not in page.parts]
CODE = {page: re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL) for page in PAGES}


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Two classes of images in ./photos."""
    monkeypatch.chdir(tmp_path)
    for name in ("cat/1.png", "dog/1.png"):
        Path("photos", name).parent.mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(Path("photos", name))


@pytest.mark.parametrize(
    "page", [page for page in PAGES if CODE[page] and page not in TESTED_ELSEWHERE], ids=lambda page: page.stem
)
def test_the_python_of_a_page_runs(page, photos):
    names: dict = {}
    for code in CODE[page]:
        exec(compile(code, str(page), "exec"), names)


def test_every_page_is_in_a_menu():
    named = set()
    for page in PAGES:
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            named |= {(page.parent / line).resolve() for line in tree.splitlines() if not line.startswith(":")}
    for page in PAGES:
        assert page == DOCS / "index.md" or page.with_suffix("").resolve() in named, page
