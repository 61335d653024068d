"""Small BigGAN networks, their inputs and their variables, for two tests and the program that writes golden numbers."""

from pathlib import Path
from typing import Any

import jax
import numpy as np

from gan_jax.constraints import Singular, matrices, spectral_norm
from gan_jax.nets import biggan

FILE = Path(__file__).with_name("papers_biggan.npz")
WIDTHS: dict[str, Any] = {"widths": (16, 16, 8), "attention": (4,), "classes": 3}
NETS = {
    "generator": spectral_norm(biggan.generator(**WIDTHS, embedding=5, shape=(8, 8, 3))),
    "critic": spectral_norm(biggan.critic(**WIDTHS)),
}
SHAPES = {"generator": (4, 6), "critic": (4, 8, 8, 3)}


def inputs(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Latents or images, and labels."""
    x = np.random.default_rng(0).normal(size=SHAPES[name])
    return x.astype(np.float32), np.array([2, 0, 1, 1], np.int32)


def variables(name: str) -> tuple[Any, Any]:
    """Normal numbers, in gains that begin at 0 too, and statistics with the singular vectors of NumPy."""
    shapes = jax.eval_shape(NETS[name].init, jax.random.key(0), *inputs(name))
    random = np.random.default_rng(1)
    params = jax.tree.map(lambda leaf: (0.5 * random.normal(size=leaf.shape)).astype(np.float32), shapes[0])
    stats = jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), shapes[1])
    return params, stats | {"spectral": {path: singular(kernel) for path, kernel in matrices(params).items()}}


def singular(kernel: np.ndarray) -> Singular:
    """A kernel's first singular vectors."""
    left, _, right = np.linalg.svd(kernel, full_matrices=False)
    return Singular(left[:, 0], right[0])
