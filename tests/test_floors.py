"""Imports go downward only, the core needs only JAX, NumPy and optax, and the top level is the core's alone."""

import ast
import sys
from pathlib import Path

import pytest

import gan_jax

ROOT = Path(gan_jax.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
FLOORS = [  # from the lowest up: modules of the core, and folders with all that has no floor of its own in them
    {"errors", "lazy"},
    {"types", "storage"},
    {"keys", "averages", "trees", "metrics"},
    {"losses", "penalties", "objectives", "constraints", "priors", "schedules", "augment", "dynamics", "sample"}
    | {"nets", "data", "views"},
    {"regularizers", "auxiliary", "play", "latent"},
    {"update"},
    {"parallel", "simultaneous", "spectrum", "features", "data.folders"},
    {"experiment", "measures", "convert", "data.packaged", "data.tfds"},
    {"evaluation"},
    {"runs"},
    {"tpu_plan", "models"},
    {"report", "explorer"},
    {"cli"},
    {"__main__"},
]
CORE = {
    *("types", "keys", "averages", "trees", "losses", "penalties", "objectives", "constraints", "priors", "schedules"),
    *("regularizers", "auxiliary", "dynamics", "play", "update", "simultaneous", "parallel", "sample"),
}
FOLDERS_OF_CORE = {"latent"}
TOP = {*CORE, "spectrum", "errors", "experiment", "lazy", "__init__", "__main__"}
LIGHT = {"errors", "lazy", "storage"}  # the standard library alone
OF_PROVENANCE = {"jax", "numpy", "soundfile", "c2pa", "cryptography"}  # imported where they are used
OF_DATA = {  # what is taken of data/ from outside
    "experiment": {"source"},
    "evaluation": {"source"},
    "runs": {"source", "memory"},
    "models": {"folders", "found", "source", "voxels"},  # to read one file of the user's
    "cli": {"memory", "tfds"},
}


def imports(tree: ast.AST) -> set[str]:
    """Full dotted names; `from a import b` is a.b, which names b's module or something in a's."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def place(path: list[str]) -> str:
    """The name on the floors that a module lies under, as data.folders or data."""
    names = [name for name in (".".join(path[:2]), path[0]) if name in set.union(*FLOORS)]
    assert names, f"{'.'.join(path)} has no floor: add its folder to FLOORS, or import from the file that defines it"
    return names[0]


def floor(name: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if name in names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_go_downward_only(file):
    own = list(file.relative_to(ROOT).with_suffix("").parts)
    is_a_face = own[-1] == "__init__"
    for name in imports(ast.parse(file.read_text())):
        top, *path = name.split(".")
        assert top not in ("experiments", "tests"), f"the package imports neither experiments nor tests: {name}"
        assert top != "flax" or own[0] in ("nets", "features"), f"only networks import flax: {name}"
        if own[0] in {*CORE, *FOLDERS_OF_CORE, *LIGHT, "__init__"} and top != "gan_jax":
            of_core = {"jax", "numpy", "optax"} if own[0] in CORE | FOLDERS_OF_CORE else set()
            allowed = OF_PROVENANCE if own[0] == "storage" else of_core
            assert top in allowed | sys.stdlib_module_names, f"{name}: {own[0]} may import {sorted(allowed)}"
        if top != "gan_jax" or not path or own == ["__init__"]:  # the package itself has the version, and no imports
            continue
        if path[0] == "data" and own[0] != "data":
            of_data = OF_DATA.get(own[0], set())
            assert path[1] in of_data, f"{name}: of gan_jax.data, {own[0]} may import {sorted(of_data)}"
        if place(path) != place(own) and not (is_a_face and path[0] == own[0]):
            assert floor(place(path)) < floor(place(own)), f"{name}: it isn't below {place(own)}; see FLOORS"


def test_every_folder_has_its_floor_and_the_top_level_is_the_cores_alone():
    files = [file for file in ROOT.rglob("*") if file.is_file() and "__pycache__" not in file.parts]
    assert {file.name for file in files if file.parent == ROOT} == {f"{name}.py" for name in TOP} | {"py.typed"}
    folders = {file.relative_to(ROOT).parts[0] for file in files if file.parent != ROOT}
    named = {name for name in set.union(*FLOORS) if "." not in name}
    assert folders | TOP - {"__init__"} == named
