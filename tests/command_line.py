"""Commands as a person types them, and a tiny game for them."""

from pathlib import Path

import pytest

from gan_jax.cli import main as cli

TINY = '''"""A tiny game.

More about it.
"""

import optax

from gan_jax import losses, priors, views
from gan_jax.data.packaged.points2d import gaussians8
from gan_jax.experiment import Experiment
from gan_jax.nets import mlp
from gan_jax.types import Players


def experiment(*, steps: int = 6, batch_size: int = 16, width: int = 8, learning_rate: float = 0.1) -> Experiment:
    """Train a tiny game.

    Args:
      steps: Updates in all.
      batch_size: Examples a turn.
      width: Hidden units.
      learning_rate: Of both.
    """
    optimizer = optax.sgd(learning_rate)
    return Experiment(
        data=gaussians8(),
        nets=Players(critic=mlp.critic(width=width, depth=1), generator=mlp.generator(width=width, depth=1)),
        objective=losses.relativistic(),
        optimizers=Players(optimizer, optimizer),
        prior=priors.normal(2),
        steps=steps,
        batch_size=batch_size,
        view=views.points,
    )
'''

MEASURED = (
    TINY.replace("=views.points", "=views.points, measure=measures.mixture(CENTRES_8, SIGMA_8, num=100)")
    .replace("priors, views", "measures, priors, views")
    .replace("import gaussians8", "import CENTRES_8, SIGMA_8, gaussians8")
)

SHADES = '''"""Grey squares."""

import numpy as np
import optax

from gan_jax import losses, priors
from gan_jax.data.source import on_device
from gan_jax.experiment import Experiment
from gan_jax.nets import mlp
from gan_jax.types import Players


def experiment(*, steps: int = 1, batch_size: int = 8) -> Experiment:
    """Train on grey squares."""
    shape = (30, 30, 1)
    data = np.random.default_rng(0).integers(0, 256, (16, 1, 1, 1), np.uint8) * np.ones((16, *shape), np.uint8)
    return Experiment(
        data=on_device(data),
        nets=Players(mlp.critic(width=4), mlp.generator(shape, width=4)),
        objective=losses.non_saturating(),
        optimizers=Players(optax.sgd(0.1), optax.sgd(0.1)),
        prior=priors.normal(2),
        steps=steps,
        batch_size=batch_size,
    )
'''

EVERY = ["--log-every", "2", "--save-every", "3", "--sample-every", "3", "--num-samples", "9"]


def files(folder: Path = Path(), pattern: str = "*") -> dict[str, bytes]:
    """Every file below a folder and what it holds."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob(pattern)) if path.is_file()}


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def refused(capsys, *arguments: str) -> str:
    """The one line of an error with exit code 2 that changed no file."""
    capsys.readouterr()
    before = files()
    with pytest.raises(SystemExit) as exit_:
        cli.main(list(arguments))
    assert exit_.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.endswith("\n")
    assert err.startswith("gan-jax: ")
    assert files() == before
    return err
