"""Measures of points: other points of the data are near perfect, and a single point is a collapse."""

import numpy as np
import pytest
from measured import figures, take

from gan_jax import measures
from gan_jax.data.packaged import points2d


@pytest.mark.parametrize(
    ("source", "measure"),
    [
        (points2d.gaussians8, measures.mixture(points2d.CENTRES_8, points2d.SIGMA_8)),
        (points2d.gaussians25, measures.mixture(points2d.CENTRES_25, points2d.SIGMA_25)),
        (points2d.swiss_roll, measures.plane()),
    ],
    ids=["gaussians8", "gaussians25", "swiss_roll"],
)
def test_points_of_the_data_are_perfect_and_points_in_one_place_collapsed(source, measure):
    real, other = take(source(), 1000), take(source(), 1000, seed=1)
    good = figures(measure, real, other)
    point = figures(measure, real, np.broadcast_to(other[:1], other.shape).copy())
    assert good["wasserstein"] < 0.2 < point["wasserstein"]
    assert not measure.collapsed(good)
    assert measure.collapsed(point)
    if "covered" in good:
        assert good["high_quality"] > 0.97
        assert good["reverse_kl"] < 3 * good["reverse_kl_floor"] < point["reverse_kl"]
