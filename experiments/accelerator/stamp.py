"""The stamp of a result: the machine and the command that measured it."""

import datetime
import hashlib
import importlib.metadata
import json
import os
import platform
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "torch")
QUERY = ("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader")
CODE = ("gan_jax", "experiments", ":!experiments/results")  # what figures are of, as git takes it


def stamp(*, rehearsal: bool) -> dict[str, Any]:
    """Returns the card, its driver, the versions, the commit, the command and the time.

    Raises:
      SystemExit: There is no card, and this is no rehearsal.
    """
    import jax

    if not rehearsal and jax.default_backend() == "cpu":
        sys.exit("JAX sees no GPU here: does nvidia-smi see one? --rehearse runs toy sizes on a CPU")
    return {
        "rehearsal": rehearsal,
        **card(jax.devices()[0]),
        "python": platform.python_version(),
        "versions": versions(),
        "commit": commit(),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def card(device: Any) -> dict[str, str]:
    """Returns the device's name, and its driver and memory if it is NVIDIA's."""
    said = output_of(*QUERY) if device.platform == "gpu" else None
    if said is None:
        return {"card": device.device_kind, "driver": "", "memory": ""}
    name, driver, memory = said.splitlines()[0].split(", ")
    return {"card": name, "driver": driver, "memory": memory}


def output_of(*command: str) -> str | None:
    """Returns the output of a command, or None if it can't be run or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Returns the last commit of the code, with a + if the code has changed since; without git, as pack.sh noted it."""
    if head := output_of("git", "log", "-1", "--format=%H", "--", *CODE):
        return head + ("+" if output_of("git", "status", "--porcelain", "-uno", "--", *CODE) else "")
    for noted in sorted(ROOT.glob(".accelerator/?/commit")):
        head, packed = noted.read_text(encoding="utf-8").split()
        return head if packed == hash_of_code() else head.removesuffix("+") + "+"
    return "unknown"


def hash_of_code() -> str:
    """Returns the SHA-256 of the Python files."""
    found = hashlib.sha256()
    for file in sorted(file for folder in ("gan_jax", "experiments") for file in (ROOT / folder).rglob("*.py")):
        found.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return found.hexdigest()


def file_name(name: str, card: str, ending: str = "json") -> str:
    """Makes speed_nvidia_h100_80gb_hbm3.json of speed and NVIDIA H100 80GB HBM3."""
    slug = re.sub(r"[^a-z0-9]+", "_", card.lower()).strip("_")
    return f"{name}_{slug}.{ending}"


def known(name: str, card: str) -> list[dict[str, Any]]:
    """Returns the rows of earlier calls on such a card."""
    file = ROOT / "experiments" / "results" / "accelerator" / file_name(name, card)
    return json.loads(file.read_text(encoding="utf-8"))["rows"] if file.is_file() else []


def save(name: str, result: dict[str, Any]) -> Path:
    """Writes $OUT/NAME_CARD.json. The result holds its stamp."""
    from gan_jax.storage.files import write_whole  # here, since status.py needs no gan_jax

    file = Path(os.environ["OUT"]) / file_name(name, result["stamp"]["card"])
    write_whole(file, json.dumps(result, indent=2, allow_nan=False) + "\n")
    return file
