"""The training examples nearest to a sample. A run's data are opened when they are first asked for."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gan_jax.evaluation.neighbours import nearest_training_examples
from gan_jax.runs.trained import Trained, Which, open_trained

COUNT = 5  # training examples beside a sample


def nearest_of(run: Path, checkpoint: Which, data: Path | None) -> Callable[[np.ndarray], np.ndarray] | None:
    """Makes the function that finds a sample's nearest training examples.

    They are compared in the features of the experiment's measure, or where it has none, as they are.

    Args:
      run: The run's folder.
      checkpoint: The checkpoint, as for sampling.
      data: Where the run's data lie now, if they were moved.

    Returns:
      A sample [...] -> the sample and its neighbours, nearest first, [1 + COUNT, ...]; it raises UserError if the data
      are missing. None for a bundle, which has no data.
    """
    if not run.is_dir():
        return None

    @functools.cache
    def trained() -> Trained:
        return open_trained(run, checkpoint, data)

    def nearest(sample: np.ndarray) -> np.ndarray:
        experiment = trained().experiment
        look = as_they_are if experiment.measure is None else experiment.measure.look
        return nearest_training_examples(experiment, look, sample[None], COUNT)[0]

    return nearest


def as_they_are(examples: np.ndarray) -> np.ndarray:
    return examples.reshape(len(examples), -1)
