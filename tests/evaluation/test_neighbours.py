"""The training examples nearest to samples."""

import jax
import numpy as np

from gan_jax.data.source import on_device
from gan_jax.evaluation.examples import examples
from gan_jax.evaluation.neighbours import nearest_training_examples
from gan_jax.experiment import Experiment


def test_the_nearest_training_example_of_a_training_image_is_itself_wherever_it_comes():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (600, 4, 4, 1), np.uint8)
    experiment = Experiment(
        data=on_device(pixels), nets=None, objective=None, optimizers=None, prior=None, steps=1, batch_size=1
    )
    samples = np.concatenate(list(examples(experiment.data, 600, jax.random.key(3))))[[5, 300, 599]]
    found = nearest_training_examples(experiment, lambda x: x.reshape(len(x), -1), samples, 3)
    found = found.reshape(3, 4, 4, 4, 1)
    np.testing.assert_array_equal(found[:, 0], samples)
    np.testing.assert_allclose(found[:, 1], samples, atol=1e-6)
    apart = np.linalg.norm((found - samples[:, None]).reshape(3, 4, -1), axis=-1)
    assert (np.diff(apart, axis=1)[:, 1:] >= 0).all()
    whole = (pixels.astype(np.float32) - 127.5) / 127.5
    nearest = np.sort(np.linalg.norm((whole[None] - samples[:, None]).reshape(3, 600, -1), axis=-1), 1)[:, :3]
    np.testing.assert_allclose(apart[:, 1:], nearest, atol=1e-4)
