"""The training examples nearest to a sample. A run's data are opened when they are first asked for."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from gan_jax.errors import UserError
from gan_jax.evaluation.neighbours import nearest_training_examples
from gan_jax.runs.trained import Trained, Which, open_trained

COUNT = 5  # training examples beside a sample


def nearest_of(run: Path, checkpoint: Which, data: Path | None) -> Callable[[np.ndarray], np.ndarray]:
    """Makes the function that finds a sample's nearest training examples.

    Args:
      run: The run's folder. A bundle has no data, which the function says.
      checkpoint: The checkpoint, as for sampling.
      data: Where the run's data lie now, if they were moved.

    Returns:
      A sample [...] -> the sample and its neighbours, nearest first, [1 + COUNT, ...]; it raises UserError if the data
      or a measure are missing.
    """

    @functools.cache
    def trained() -> Trained:
        return open_trained(run, checkpoint, data)

    def nearest(sample: np.ndarray) -> np.ndarray:
        if not run.is_dir():
            raise UserError(f"{run} is a bundle, which has no data: explore the run that it was exported from")
        experiment = trained().experiment
        if experiment.measure is None:
            raise UserError(
                "the experiment names no measure to compare by: give it one, or use `gan-jax neighbours --features`"
            )
        return nearest_training_examples(experiment, experiment.measure.look, sample[None], COUNT)[0]

    return nearest
