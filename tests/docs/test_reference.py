"""The API reference is complete: each public name stands in docs/reference and has a docstring.

Public are the names of every face, and the functions and classes that the modules among them define; where a face hands
on single names of a module, these alone. The pages are read as text, so that no Sphinx is needed.
"""

import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import flax.linen as nn
import pytest

ROOT = Path(__file__).parents[2]
FACES = [
    "gan_jax",
    "gan_jax.augment",
    "gan_jax.convert",
    "gan_jax.data",
    "gan_jax.nets",
    "gan_jax.nets.conv",
    "gan_jax.metrics",
    "gan_jax.features",
    "gan_jax.measures",
    "gan_jax.views",
]
DIRECTIVE = re.compile(r"^\.\. (auto\w+|py:data):: ([\w.]+)\n((?:   :.*\n)*)", re.MULTILINE)


def documented() -> tuple[set[str], set[str]]:
    """The names that the reference's pages hold one by one, and the modules whose members it takes all."""
    names, modules = set(), set()
    for page in sorted((ROOT / "docs" / "reference").glob("*.rst")):
        for kind, name, options in DIRECTIVE.findall(page.read_text(encoding="utf-8")):
            names.add(name)
            if kind == "automodule" and ":members:" in options:
                modules.add(name)
    return names, modules


NAMES, MODULES = documented()


def is_in_the_reference(face: str, name: str, value: Any) -> bool:
    """Under its public name, or as a member of the module that defines it."""
    return f"{face}.{name}" in NAMES or getattr(value, "__module__", None) in MODULES


def defined_in(module: ModuleType) -> dict[str, Any]:
    """The module's own functions and classes, but those of a leading underscore, and Linen modules without a docstring.

    The latter are the layers behind a family's `generator` and `critic`.
    """
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == module.__name__
        and not (inspect.isclass(value) and issubclass(value, nn.Module) and not has_docstring(value))
    }


def missing(face: str) -> list[str]:
    """What the reference lacks of a face, a line each."""
    package = importlib.import_module(face)
    found = []
    for name in package.__all__:
        value = getattr(package, name)
        if isinstance(value, ModuleType):
            if not value.__doc__:
                found.append(f"{face}.{name} has no docstring")
            if value.__name__ not in FACES and value.__name__ not in package.NAMES:
                members = defined_in(value)
                found += [
                    f"{value.__name__}.{member} isn't in docs/reference"
                    for member, of in members.items()
                    if not is_in_the_reference(value.__name__, member, of)
                ]
                found += [
                    f"{value.__name__}.{m} has no docstring" for m, of in members.items() if not has_docstring(of)
                ]
            continue
        if not is_in_the_reference(face, name, value):
            found.append(f"{face}.{name} isn't in docs/reference")
        if (inspect.isroutine(value) or inspect.isclass(value)) and not has_docstring(value):
            found.append(f"{face}.{name} has no docstring")
    return found


def has_docstring(value: Any) -> bool:
    """A docstring of its own: not the signature that dataclasses and named tuples are given."""
    text = value.__doc__ or ""
    return bool(text) and not text.startswith(f"{value.__name__}(")


@pytest.mark.parametrize("face", FACES)
def test_every_public_name_is_in_the_reference_and_has_a_docstring(face):
    assert not (lines := missing(face)), "\n".join(lines)


def test_every_name_in_the_reference_exists():
    for name in NAMES:
        parent, _, last = name.rpartition(".")
        if name not in MODULES:
            assert hasattr(importlib.import_module(parent), last) or importlib.import_module(name), name


def test_every_command_is_in_the_reference():
    text = (ROOT / "docs" / "reference" / "command_line.rst").read_text(encoding="utf-8")
    commands = re.findall(r'^        "(\w+)": \w+,$', (ROOT / "gan_jax" / "cli" / "main.py").read_text(), re.MULTILINE)
    assert commands
    assert set(commands) == set(re.findall(r"^\.\. command-help:: (\w+)", text, re.MULTILINE))


@pytest.mark.parametrize("plant", ["a name", "a function without docstring"])
def test_what_is_planted_is_found(plant, monkeypatch):
    import gan_jax
    from gan_jax import losses

    def planted() -> None: ...

    if plant == "a name":
        planted.__doc__ = "A docstring."
        monkeypatch.setattr(gan_jax, "__all__", [*gan_jax.__all__, "planted"])
        monkeypatch.setattr(gan_jax, "planted", planted, raising=False)
        assert missing("gan_jax")[-1:] == ["gan_jax.planted isn't in docs/reference"]
    else:
        planted.__module__ = "gan_jax.losses"
        monkeypatch.setattr(losses, "planted", planted, raising=False)
        assert "gan_jax.losses.planted has no docstring" in missing("gan_jax")
