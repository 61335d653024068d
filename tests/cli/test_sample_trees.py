"""Examples that are a tree of arrays, and a generator that returns more than them, from training to files."""

from pathlib import Path

import numpy as np
from command_line import files
from PIL import Image

from gan_jax.cli import main as cli
from gan_jax.models.open import open_model

TREES = '''"""Photos with their negatives."""

import jax
import optax

from gan_jax import Experiment, Network, Output, Players, losses, priors, views
from gan_jax.data import endless


def critic(params, stats, x, condition, mode):
    return params * (x["photo"].mean((1, 2, 3)) - x["negative"].mean((1, 2, 3))), stats


def generator(params, stats, z, condition, mode):
    photo = params + z.reshape(-1, 4, 4, 1)
    return Output({"photo": photo, "negative": -photo}, extra=z), stats


def draw(key):
    photo = jax.random.uniform(key, (4, 4, 1), minval=-1.0)
    return {"photo": photo, "negative": -photo}


def experiment(*, steps: int = 2, batch_size: int = 8) -> Experiment:
    """Train on photos and negatives."""
    return Experiment(
        data=endless("photos and negatives", draw),
        nets=Players(*(Network(lambda *_: (jax.numpy.float32(1), {}), apply) for apply in (critic, generator))),
        objective=losses.hinge(),
        optimizers=Players(optax.sgd(0.1), optax.sgd(0.1)),
        prior=priors.normal(16),
        steps=steps,
        batch_size=batch_size,
        view=views.part(lambda samples: samples["negative"], views.images),
    )
'''


def test_one_array_of_each_sample_is_drawn_and_all_are_returned(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("trees.py").write_text(TREES)
    cli.main(["train", "trees.py", "--run-dir", "run"])
    samples = open_model(Path("run")).sample(0, 3)
    np.testing.assert_array_equal(samples["photo"], -samples["negative"])
    cli.main(["sample", "run", "--num", "3", "--out", "folder"])
    cli.main(["sample", "run", "--num", "3", "--interpolate", "--frames", "2", "--out", "walk.png"])
    drawn = [np.asarray(Image.open(name)) for name in sorted(files(Path("folder"), "*.png"))]
    expected = np.clip(np.round((samples["negative"][..., 0] + 1) * 127.5), 0, 255)
    np.testing.assert_array_equal(np.stack(drawn), expected)
