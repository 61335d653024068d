"""Small R3GAN networks, their inputs and their parameters, for two tests and the program that writes golden numbers."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax.nets import r3gan

FILE = Path(__file__).with_name("papers_r3gan.npz")
SETTINGS: dict[str, Any] = {"widths": (16, 8), "blocks": 2, "group_size": 4, "classes": 3}
NETS = {"generator": r3gan.generator(**SETTINGS, shape=(8, 8, 3)), "critic": r3gan.critic(**SETTINGS, embedding=5)}
SHAPES = {"generator": (4, 6), "critic": (4, 8, 8, 3)}


def inputs(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Latents or images, and labels."""
    x = np.random.default_rng(0).normal(size=SHAPES[name])
    return x.astype(np.float32), np.array([2, 0, 1, 1], np.int32)


def parameters(name: str) -> Any:
    """Normal numbers, in the last layers of blocks too."""
    shapes, _ = jax.eval_shape(NETS[name].init, jax.random.key(0), *inputs(name))
    random = np.random.default_rng(1)
    return jax.tree.map(lambda leaf: (0.3 * random.normal(size=leaf.shape)).astype(np.float32), shapes)
