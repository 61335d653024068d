"""Makes gan_jax/data/packaged/furniture from the CC0 models of Debian's sweethome3d-furniture: voxels and a table.

apt-get install sweethome3d-furniture && pip install 'gan-jax[shapes]' && python experiments/data/make_furniture.py
"""

import re
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import tyro
from tqdm import tqdm

from gan_jax.data.voxels import pack, voxelise

SIDE = 32
PROPERTY = re.compile(r"^(\w+)#(\d+)=(.*)$", re.MULTILINE)


def main(
    catalogue: Path = Path("/usr/share/sweethome3d/furniture/BlendSwap-CC-0.sh3f"),
    out: Path = Path("gan_jax/data/packaged/furniture"),
) -> None:
    """Draw every model of the catalogue in voxels.

    Args:
      catalogue: The Debian package's catalogue of CC0 models.
      out: Folder for furniture.npz and the table in its README.md.
    """
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(catalogue) as archive:
        archive.extractall(folder)
        models = read(archive.read("PluginFurnitureCatalog.properties").decode("latin-1"))
        voxels = [voxelise(Path(folder + model["model"]), SIDE) for model in tqdm(models, unit="model")]
    np.savez_compressed(out / "furniture.npz", bits=pack(np.stack(voxels)))
    readme = out / "README.md"
    text = readme.read_text(encoding="utf-8").partition("| number")[0]
    rows = [f"| {i} | {m['name']} | {m['creator']} | `{m['model'].lstrip('/')}` |" for i, m in enumerate(models)]
    readme.write_text(
        text + "\n".join(["| number | name | creator | model |", "|---|---|---|---|", *rows]) + "\n", encoding="utf-8"
    )
    print(f"{out}: {len(models)} models, {(out / 'furniture.npz').stat().st_size} bytes")


def read(properties: str) -> list[dict[str, str]]:
    """Returns the properties of each model, in the catalogue's order."""
    models: dict[int, dict[str, str]] = {}
    for name, number, value in PROPERTY.findall(properties):
        models.setdefault(int(number), {})[name] = value.strip()
    return [models[number] for number in sorted(models)]


if __name__ == "__main__":
    tyro.cli(main)
