"""The training examples nearest to samples, which show whether a generator only repeats them."""

from collections.abc import Callable

import jax
import numpy as np

from gan_jax.errors import UserError
from gan_jax.evaluation.examples import examples, part_of
from gan_jax.experiment import Experiment
from gan_jax.metrics.neighbours import nearest


def nearest_training_examples(
    experiment: Experiment, look: Callable[[np.ndarray], np.ndarray], samples: np.ndarray, count: int
) -> np.ndarray:
    """Finds the training examples nearest to each sample.

    Args:
      experiment: The experiment, for its data.
      look: Batch [B, ...] -> features [B, D], in which distances are taken.
      samples: [N, ...].
      count: Neighbours of each sample.

    Returns:
      [N, 1 + count, ...]: each sample, then its neighbours, nearest first.

    Raises:
      UserError: The data are endless, so that there are no training examples, or have fewer than `count`.
    """
    data = part_of(experiment.data, "train")
    if data.size is None or count > data.size:
        raise UserError(f"{data.name} has no {count} training examples: neighbours are for data that end")
    at = look(samples)
    rows = np.arange(len(samples))[:, None]
    apart, found = np.full((len(samples), count), np.inf), np.zeros((len(samples), count, *samples.shape[1:]))
    for batch in examples(data, data.size, jax.random.key(0)):
        which, distance = nearest(at, look(batch), k=min(count, len(batch)))
        apart, found = np.concatenate([apart, distance], 1), np.concatenate([found, batch[which]], 1)
        order = np.argsort(apart, 1, kind="stable")[:, :count]
        apart, found = apart[rows, order], found[rows, order]
    return np.concatenate([samples[:, None], found], 1)
