"""The experiments of the repository, and how to build one at a tiny width."""

import inspect
from pathlib import Path

import numpy as np
import pytest

from gan_jax.data.source import Source, on_device
from gan_jax.experiment import Experiment, load

FILES = sorted((Path(__file__).parents[1] / "experiments").glob("*.py"))
SHAPES = {"fashion_mnist": (28, 28, 1), "cifar10": (32, 32, 3), "celeb_a": (64, 64, 3)}
EACH = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def noise(*shape: int) -> Source:
    rng = np.random.default_rng(0)
    return on_device(rng.integers(0, 256, (40, *shape), np.uint8), rng.integers(0, 10, 40), classes=10)


def build(file: Path, **arguments) -> Experiment:
    folder = inspect.signature(load(file)).parameters.get("folder")
    if folder is not None and folder.default is inspect.Parameter.empty:
        arguments["folder"] = Path("photos")
    return load(file)(**{"batch_size": 8, "width": 4} | arguments)
