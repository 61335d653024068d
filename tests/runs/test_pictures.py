"""The diversity of samples is the mean distance of pairs."""

import math

import jax
import numpy as np
import pytest
from scipy.spatial.distance import euclidean

from gan_jax import views
from gan_jax.data.source import Source
from gan_jax.errors import UserError
from gan_jax.experiment import Experiment
from gan_jax.runs.pictures import check_view, make_pictures, mean_distance
from gan_jax.types import Batch, View


def test_diversity_is_the_mean_distance_of_pairs():
    x = np.random.default_rng(0).normal(size=(5, 2, 3))
    pairs = [euclidean(x[i].ravel(), x[j].ravel()) for i in range(5) for j in range(i)]
    assert mean_distance(x) == pytest.approx(np.mean(pairs))
    assert mean_distance(np.ones((4, 2))) == 0
    assert math.isnan(mean_distance(x[:1]))


def test_diversity_of_a_tree_is_that_of_its_arrays_side_by_side():
    x = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    assert mean_distance({"a": x[:, :4].reshape(5, 2, 2), "b": x[:, 4:]}) == mean_distance(x)


def test_a_view_that_cannot_show_a_tree_is_refused_before_the_first_picture():
    example = Batch(
        {"photo": jax.ShapeDtypeStruct((8, 8, 3), np.float32), "size": jax.ShapeDtypeStruct((), np.float32)}
    )

    def of(view: View) -> Experiment:
        return Experiment(
            data=Source(example, None, 0, None),
            nets=None,
            objective=None,
            optimizers=None,
            prior=None,
            steps=1,
            batch_size=1,
            view=view,
        )

    with pytest.raises(UserError, match=r"the view can't show samples {photo: float32\[8, 8, 3\], .*views.part\("):
        make_pictures(None, of(views.images), None)
    check_view(of(views.part(lambda samples: samples["photo"], views.images)))
