"""The versions of packages that made a run, a figure or a benchmark."""

import importlib.metadata
import platform

import gan_jax

PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


def versions() -> dict[str, str]:
    """Returns the versions of Python, gan_jax and the packages that results depend on."""
    ours = {"python": platform.python_version(), "gan-jax": gan_jax.__version__}
    return ours | {name: importlib.metadata.version(name) for name in PACKAGES}
