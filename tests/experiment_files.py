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


# For programs that find this folder: PYTHONPATH, or pytest's own path.
EVERY_TERM = '''"""Every term of the library at once; SGD."""

import numpy as np
import optax
from terms import ALL, PRIOR, talkative
from toys import CLASSES, centred, conditional_perceptron

from gan_jax.constraints import spectral_norm
from gan_jax.data.source import on_device
from gan_jax.experiment import Experiment
from gan_jax.objectives import add, scale
from gan_jax.types import Players


def experiment(*, steps: int = 4, batch_size: int = 16) -> Experiment:
    """Train a small game of all terms."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (40, 4, 4, 1), np.uint8), rng.integers(0, CLASSES, 40)
    return Experiment(
        data=on_device(images, labels, classes=CLASSES),
        nets=Players(spectral_norm(talkative()), centred(conditional_perceptron((4, 4, 1), noise=0.1))),
        objective=add(**{name: scale(term, 0.01) for name, term in ALL.items()}),
        optimizers=Players(optax.sgd(0.05), optax.sgd(0.05)),
        prior=PRIOR,
        steps=steps,
        batch_size=batch_size,
    )
'''
