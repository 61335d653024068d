"""175 pieces of furniture in voxels, kept in the package: real shapes with nothing to download."""

import importlib.resources

import numpy as np
from numpy.typing import NDArray

from gan_jax.data.memory import blank, remembered
from gan_jax.data.source import Source, digest, on_device
from gan_jax.data.voxels import unpacked, voxel_example
from gan_jax.errors import UserError

SIDE = 32
HELD_OUT = 10  # every tenth


@remembered(Source)
def furniture(split: str = "train") -> Source:
    """Load chairs, tables, cupboards and lamps in voxels: [32, 32, 32, 1], -1 or 1; x right, y up, z to the front.

    They are CC0 models of Sweet Home 3D; see furniture/README.md.

    Args:
      split: "train", 158 pieces, or "test", the other 17.

    Raises:
      ValueError: There is no such split.
    """
    if split not in ("train", "test"):
        raise UserError(f"the furniture has no split {split!r}: it has train and test")
    if source := blank(voxel_example(SIDE)):
        return source
    bits = load()
    chosen = (np.arange(len(bits)) % HELD_OUT == HELD_OUT - 1) == (split == "test")
    name = f"furniture {split}, sha256 {digest(bits[chosen].data)}"
    return on_device(bits[chosen], name=name, decode=unpacked(SIDE))._replace(split=furniture, licence="CC0 1.0")


def load() -> NDArray[np.uint8]:
    """Bits [175, 4096]."""
    file = importlib.resources.files("gan_jax.data.packaged") / "furniture" / "furniture.npz"
    with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
        return arrays["bits"]
