"""Imports go downward only, and the core needs nothing beyond JAX, NumPy and optax."""

import ast
import sys
from pathlib import Path

import pytest

import gan_jax

ROOT = Path(gan_jax.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
FLOORS = [
    {"types", "mel", "marks", "files", "program", "signals", "watch", "processes"},
    {"losses", "penalties", "objectives", "constraints", "packing", "priors", "provenance", "views"}
    | {"nets", "data", "metrics"},
    {"update", "distributed"},
    {"parallel"},
    {"experiment", "features"},
    {"measures"},
    {"games", "run", "sample"},
    {"checkpoint", "log", "evaluate", "plan"},
    {"rollback"},
    {"train", "compare", "terminal", "compiled", "arguments", "trained"},
    {"results", "sampling"},
    {"planning", "training"},
    {"cli"},
    {"__main__"},
]
CORE = {"types", "losses", "penalties", "objectives", "constraints", "packing", "priors", "update", "parallel"}
GIVEN = {  # what is taken of the folders from outside
    "experiment": {"data.source"},
    "run": {"data.memory", "data.source"},
    "training": {"data.memory"},
    "features": {"nets.classifier", "nets.efficientnet", "nets.inception"},
    "measures.image": {f"metrics.{name}" for name in ("classes", "frechet", "kernel", "manifold", "neighbours")},
    "measures.shape": {"metrics.matching", "metrics.overlap"},
    "measures.point": {"metrics.manifold", "metrics.mixtures"},
    "measures.line": {"metrics.ngrams"},
    "measures.video": {"metrics.frechet", "metrics.manifold", "metrics.motion"},
    "evaluate": {"data.source", "metrics.neighbours"},
    "cli": {"data.prepare"},
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


def floor(name: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if name in names)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_imports_go_downward_only(file):
    own = file.relative_to(ROOT).with_suffix("").parts
    for name in imports(ast.parse(file.read_text())):
        top, *path = name.split(".")
        assert top not in ("experiments", "tests"), name
        assert top != "flax" or own[0] == "nets", f"only nets/ imports flax: {name}"
        if own[0] in CORE and top != "gan_jax":
            assert top in {"jax", "numpy", "optax"} | sys.stdlib_module_names, name
        if top == "gan_jax" and path:  # the package itself has the version, and imports nothing
            if path[0] == own[0] and len(own) > 1:
                continue  # inside a folder
            if path[0] in ("nets", "data", "metrics"):
                assert ".".join(path[:2]) in GIVEN.get(".".join(own), ()), name
            elif own != ("__init__",):
                assert floor(path[0]) < floor(own[0]), name


def test_every_module_has_its_floor():
    tops = {file.relative_to(ROOT).with_suffix("").parts[0] for file in FILES} - {"__init__"}
    assert tops == set.union(*FLOORS)
