"""Writes constraints/pyXY.txt, the exact versions that pip would install today, for the Pythons that are named.

python constraints/make.py python3.11 python3.13

Nothing is installed. CI tests with these versions; in two years `pip install -e . -c constraints/py313.txt` brings them
back.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
EXTRAS = (  # not GPUs' and TPUs' own packages, which follow JAX's version, nor gradio, which holds Pillow back
    "browser,docs,effnet,equinox,mlflow,onnx,report,shapes,sign,spectrum,test,tpu-plan,video,wandb"
)


def main(pythons: list[str]) -> None:
    for python in pythons:
        file = Path(__file__).with_name(f"{name_of(python)}.txt")
        lines = sorted(versions(python), key=str.lower)
        file.write_text(
            "\n".join([f"# What pip took together on Linux; made by {Path(__file__).name}, tested by CI.", *lines])
            + "\n"
        )
        print(f"{file.relative_to(ROOT)}: {len(lines)} packages")


def name_of(python: str) -> str:
    """A Python's name in file names, as py313."""
    program = "import sys; print('py{}{}'.format(*sys.version_info))"
    return subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def versions(python: str) -> list[str]:
    """NAME==VERSION of each package that pip would install in a fresh environment of this Python."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-m", "venv", folder], check=True)
        pip = [f"{folder}/bin/python", "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--upgrade", "pip"], check=True)
        report = Path(folder, "report.json")
        subprocess.run(
            [*pip, "--dry-run", "--ignore-installed", "--report", report, "-e", f"{ROOT}[{EXTRAS}]"], check=True
        )
        found = [item["metadata"] for item in json.loads(report.read_text())["install"]]
    return [f"{one['name']}=={one['version']}" for one in found if one["name"] != "gan-jax"]


if __name__ == "__main__":
    main(sys.argv[1:] or [sys.executable])
