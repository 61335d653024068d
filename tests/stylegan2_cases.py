"""Small StyleGAN2 networks, their inputs and variables, for two tests and the program that writes golden numbers."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax.nets import stylegan2
from gan_jax.trees import name_of

FILE = Path(__file__).with_name("papers_stylegan2.npz")
WIDTHS, SHAPE, GROUP, DEPTH = (6, 5, 4), (12, 16, 3), 2, 2
SETTINGS: dict[str, Any] = {"widths": WIDTHS, "depth": DEPTH, "classes": 3}
NETS = {
    "generator": stylegan2.generator(**SETTINGS, size=7, shape=SHAPE),
    "critic": stylegan2.critic(**SETTINGS, group=GROUP),
    "critic without shortcuts": stylegan2.critic(**SETTINGS, group=GROUP, residual=False),
}


def inputs(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Latents or images, and labels."""
    x = np.random.default_rng(0).normal(size=(4, 8) if name == "generator" else (4, *SHAPE))
    return x.astype(np.float32), np.array([2, 0, 1, 1], np.int32)


def variables(name: str) -> tuple[Any, Any]:
    """Parameters of normal numbers, as at first but for biases, and statistics of zeros."""
    shapes, stats = jax.eval_shape(NETS[name].init, jax.random.key(0), *inputs(name))
    random = np.random.default_rng(1)

    def draw(path: Any, leaf: Any) -> np.ndarray:
        return ((100 if "Mapping" in name_of(path) else 1) * random.normal(size=leaf.shape)).astype(np.float32)

    return jax.tree.map_with_path(draw, shapes), jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), stats)
