"""The versions that a run, a figure or a benchmark was made with."""

import importlib.metadata
import platform

import gan_jax

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def versions() -> dict[str, str]:
    ours = {"python": platform.python_version(), "gan-jax": gan_jax.__version__}
    return ours | {name: importlib.metadata.version(name) for name in PACKAGES}
