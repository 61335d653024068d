"""What a figure was measured on, and by which command: a part of every result that comes home."""

import datetime
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


def stamp(*, rehearsal: bool) -> dict[str, Any]:
    """The card, its driver, the versions, the commit, the command and the time."""
    return {
        "rehearsal": rehearsal,
        **card(),
        "python": platform.python_version(),
        "versions": versions(),
        "commit": commit(),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def card() -> dict[str, str]:
    """Of the first device: its name, and what the driver says of it where it is NVIDIA's."""
    import jax

    device = jax.devices()[0]
    if device.platform != "gpu":
        return {"card": device.device_kind, "driver": "", "memory": ""}
    name, driver, memory = subprocess.check_output(QUERY, text=True).splitlines()[0].split(", ")
    return {"card": name, "driver": driver, "memory": memory}


def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """Of the code, with a + where it was changed since; as pack.sh noted it where the repository didn't travel."""
    if (ROOT / ".git").exists():
        head = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True, cwd=ROOT).strip()
        changed = subprocess.check_output(["git", "status", "--porcelain", "-uno"], text=True, cwd=ROOT)
        return head + ("+" if changed else "")
    noted = next(ROOT.glob(".accelerator/?/commit"), None)
    return noted.read_text(encoding="utf-8").strip() if noted else "unknown"


def file_name(name: str, card: str, ending: str = "json") -> str:
    """speed, NVIDIA H100 80GB HBM3 -> speed_nvidia_h100_80gb_hbm3.json."""
    slug = re.sub(r"[^a-z0-9]+", "_", card.lower()).strip("_")
    return f"{name}_{slug}.{ending}"


def known(name: str, card: str) -> list[dict[str, Any]]:
    """The rows that an earlier call on such a card brought home."""
    file = ROOT / "experiments" / "results" / "accelerator" / file_name(name, card)
    return json.loads(file.read_text(encoding="utf-8"))["rows"] if file.is_file() else []


def save(name: str, result: dict[str, Any]) -> Path:
    """Writes $OUT/NAME_CARD.json. The result holds its stamp."""
    file = Path(os.environ["OUT"]) / file_name(name, result["stamp"]["card"])
    part = file.with_suffix(".part")
    part.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    part.replace(file)
    return file
