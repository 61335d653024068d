"""The public faces: names that come at their first use, the same for Python and for type checkers."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

FACES = ["gan_jax", "gan_jax.convert", "gan_jax.data", "gan_jax.features", "gan_jax.metrics", "gan_jax.nets"]


def test_opening_a_face_imports_nothing_heavy():
    program = "import sys; before = set(sys.modules)\n"
    program += f"import {', '.join(FACES)}\n"
    program += "print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    ours = {name for name in done.stdout.split() if name.partition(".")[0] not in sys.stdlib_module_names}
    assert ours == {*FACES, "gan_jax.lazy"}


@pytest.mark.parametrize("name", FACES)
def test_every_name_of_a_face_is_there(name):
    face = importlib.import_module(name)
    assert sorted(face.__all__) == sorted(name for names in face.NAMES.values() for name in names.split())
    assert set(face.__all__) <= set(dir(face))
    for public in face.__all__:
        assert hasattr(face, public)
    with pytest.raises(AttributeError, match=f"'{name}' has no attribute 'no_such_name'"):
        face.no_such_name  # noqa: B018


@pytest.mark.parametrize("name", FACES)
def test_type_checkers_see_the_names_that_python_sees(name):
    face = importlib.import_module(name)
    seen = {}
    for node in ast.walk(ast.parse(Path(face.__file__).read_text())):
        if isinstance(node, ast.ImportFrom) and any(alias.asname for alias in node.names):
            seen |= {alias.asname: node.module for alias in node.names}
    assert seen == {public: module for module, names in face.NAMES.items() for public in names.split()}


@pytest.mark.parametrize("name", FACES)
def test_no_function_of_a_face_is_hidden_by_a_module_of_its_name(name):
    face = importlib.import_module(name)
    modules = {path.stem for path in Path(face.__file__).parent.iterdir()}
    functions = {public for module, names in face.NAMES.items() if module != name for public in names.split()}
    assert not functions & modules
