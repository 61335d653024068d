"""Prints in one line which packages of gan_jax and its tests are missing or too old; exits with 2 if any are."""

import importlib.metadata
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

TESTS = ["chex", "hypothesis", "pytest", "pytest-xdist"]  # what correct.sh takes of the extra `test`
PYPROJECT = Path(__file__).parent.parent.parent / "pyproject.toml"


def lacking(requirements: list[str]) -> list[str]:
    """Returns unmet requirements, directly or indirectly: "tyro>=1.0", "jax>=0.10.2 (0.9.0 is here)"."""
    found: dict[str, str] = {}
    open_ones = [Requirement(text) for text in requirements]
    seen = set()
    while open_ones:
        requirement = open_ones.pop()
        if requirement.name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(requirement.name)
        try:
            distribution = importlib.metadata.distribution(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            found[requirement.name] = f"{requirement.name}{requirement.specifier}"
            continue
        if not requirement.specifier.contains(distribution.version, prereleases=True):
            found[requirement.name] = f"{requirement.name}{requirement.specifier} ({distribution.version} is here)"
        open_ones += [Requirement(text) for text in distribution.requires or []]
    return sorted(found.values())


def main() -> None:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    if missing := lacking([*project["dependencies"], *TESTS]):
        print(
            f"missing here: {', '.join(missing)}; bring .accelerator/1 along, which pack.sh makes (README.md)",
            file=sys.stderr,
        )
        sys.exit(2)


if __name__ == "__main__":
    main()
