"""The public names of a package, imported at their first use, so that importing the package takes no time."""

import importlib
from collections.abc import Callable
from typing import Any


def face(package: str, names: dict[str, str]) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Makes a package's `__all__`, `__getattr__` (PEP 562) and `__dir__`.

    Args:
      package: The package's `__name__`.
      names: For each module, the names that come from it, separated by spaces. The names under the package itself are
        its modules.

    Returns:
      `__all__`, `__getattr__` and `__dir__`.
    """
    origins = {name: module for module, its_names in names.items() for name in its_names.split()}

    def get(name: str) -> Any:
        if name not in origins:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if origins[name] == package:
            return importlib.import_module(f"{package}.{name}")
        return getattr(importlib.import_module(origins[name]), name)

    public = sorted(origins)
    return public, get, lambda: public
