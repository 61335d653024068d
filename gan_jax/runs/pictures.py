"""Pictures of samples that a run draws as it trains, and the diversity of these samples."""

import functools
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import numpy as np
from scipy.spatial.distance import pdist

from gan_jax.errors import UserError
from gan_jax.experiment import Experiment
from gan_jax.runs.folder import Run
from gan_jax.runs.games import Keys, split
from gan_jax.sample import make_sampler
from gan_jax.storage.files import aside
from gan_jax.trees import outline
from gan_jax.types import Variables


def make_pictures(run: Run, experiment: Experiment, keys: Keys) -> Callable[[int, list[Variables]], list[float | None]]:
    """Makes the function that draws each game's samples into the run's folder.

    Returns:
      (step, generators of all games) -> the diversity of each game's samples, which are of the same latent examples at
      every step. Diversity is the mean distance of samples relative to that of equally many real examples.
    """
    check_view(experiment)
    count = run.options.num_samples
    sample = make_sampler(experiment.nets.generator, experiment.prior, experiment.data.conditions)
    each = split(keys, run.options.num_seeds)

    @functools.cache
    def of_real(game: int) -> float:
        return mean_distance(jax.device_get(next(experiment.data.stream(each[game].data, 0, count)).x)) or math.nan

    def draw(step: int, generators: list[Variables]) -> list[float | None]:
        samples = [sample(variables, key.samples, count) for variables, key in zip(generators, each)]
        for game, drawn in enumerate(samples):
            with aside(run.picture(step, game)) as picture:
                experiment.view.together[".png"](drawn, picture)
        return [mean_distance(drawn) / of_real(game) for game, drawn in enumerate(samples)]

    return draw


def check_view(experiment: Experiment) -> None:
    """Raises UserError if examples are a tree that the view can't show."""
    example = experiment.data.example.x
    if jax.tree_util.all_leaves([example]):
        return
    two = jax.tree.map(lambda leaf: np.zeros((2, *leaf.shape), leaf.dtype), example)
    try:
        with tempfile.TemporaryDirectory() as folder:
            experiment.view.together[".png"](two, Path(folder, "two.png"))
    except Exception as error:  # a view made for single arrays can fail in any way
        raise UserError(
            f"the view can't show samples {outline(example)}: choose one array of them, such as "
            'views.part(lambda samples: samples["name"], views.images)'
        ) from error


def mean_distance(examples: Any) -> float:
    """Returns the mean distance of pairs of examples, a tree of [N, ...]; NaN where N is 1."""
    leaves = [leaf.reshape(len(leaf), -1).astype(np.float64) for leaf in jax.tree.leaves(examples)]
    distances = pdist(np.concatenate(leaves, axis=1))
    return float(distances.mean()) if len(distances) else math.nan
