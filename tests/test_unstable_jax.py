"""The names that JAX may remove without notice: a complete list of those that the project uses."""

import ast
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
UNSTABLE = ("jax.experimental", "jax.interpreters", "jax.extend", "jax._src", "jax.lib", "jax.core")
USED = {  # file -> its names, and why it needs them
    "experiments/accelerator/compile_ahead.py": {
        "jax.experimental.topologies"
    },  # compiles for chips that this machine lacks
    "gan_jax/models/onnx.py": {  # rewrites a program step by step
        "jax.extend.core.ClosedJaxpr",
        "jax.extend.core.Literal",
        "jax.extend.core.jaxpr_as_fun",
    },
    "gan_jax/nets/conv/bilinear.py": {  # primitives with their own transposes have no public form
        "jax.extend.core.Primitive",
        "jax.interpreters.ad",
        "jax.interpreters.batching",
        "jax.interpreters.mlir",
    },
    "gan_jax/tpu_plan/compile.py": {"jax.experimental.topologies"},  # compiles for chips that this machine lacks
    "tests/cli/test_compile_cache.py": {"jax.experimental.compilation_cache.compilation_cache"},  # opens it again
    "tests/test_precision.py": {"jax.extend.core.jaxprs_in_params"},  # walks through a program
}
ATTRIBUTES = [  # the attributes of these modules that are used
    "jax.interpreters.ad.defbilinear",
    "jax.interpreters.batching.primitive_batchers",
    "jax.interpreters.mlir.lower_fun",
    "jax.interpreters.mlir.register_lowering",
    "jax.experimental.topologies.get_topology_desc",
    "jax.experimental.compilation_cache.compilation_cache.reset_cache",
    "jax.extend.core.Primitive.bind",
    "jax.extend.core.Primitive.def_impl",
    "jax.extend.core.Primitive.def_abstract_eval",
]


def resolve(name: str) -> object:
    """A module, or an attribute of one."""
    try:
        return importlib.import_module(name)
    except ImportError:
        module, _, attribute = name.rpartition(".")
        if not module:
            raise
        return getattr(resolve(module), attribute)


@pytest.mark.parametrize("name", sorted({*ATTRIBUTES, *set().union(*USED.values())}))
def test_jax_still_has(name):
    assert resolve(name)


def unstable_names(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute):
            found.add(ast.unparse(node))
    return {name for name in found if name.startswith(UNSTABLE)}


def test_no_other_file_uses_unstable_names():
    files = [file for folder in ("gan_jax", "experiments", "tests") for file in (ROOT / folder).rglob("*.py")]
    used = {str(file.relative_to(ROOT)): names for file in files if (names := unstable_names(file))}
    assert used == USED
