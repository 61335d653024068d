"""The Inception-style score, and modes with their floor."""

import numpy as np
import pytest
from golden import GOLDEN, logits

from gan_jax.metrics.classes import inception_score, likeliest, modes


def test_score_is_the_number_of_classes_where_each_is_sure_and_as_likely_and_one_where_nothing_is_known():
    sure = np.tile(1000 * np.eye(7), (5, 1))
    assert inception_score(sure, splits=5) == pytest.approx((7, 0))
    assert inception_score(np.zeros((20, 7)), splits=2) == pytest.approx((1, 0))
    assert inception_score(np.tile(1000 * np.eye(7)[:1], (9, 1)), splits=3) == pytest.approx((1, 0))  # one mode only


def test_score_is_the_references_on_the_same_logits():
    assert inception_score(logits(), splits=5) == pytest.approx(GOLDEN["score/torch-fidelity"], rel=1e-3)


def test_modes_are_counted_and_their_kl_is_to_the_uniform_distribution():
    found = modes(np.array([0, 0, 0, 2]), 4)
    assert (found.covered, found.n) == (2, 4)
    assert found.kl == pytest.approx(0.75 * np.log(3) + 0.25 * np.log(1))
    assert modes(np.array([0, 0, 0, 2]), 8).kl == pytest.approx(0.75 * np.log(6) + 0.25 * np.log(2))
    assert modes(np.arange(10), 10).kl == pytest.approx(0)
    assert modes(np.full(6, 3), 10).kl == pytest.approx(np.log(10))


def test_figures_that_have_a_least_value_never_lie_below_it():
    assert min(modes(np.arange(n), n, trials=1).kl for n in range(1, 60)) == 0
    alike = np.random.default_rng(0).normal(size=(60, 1, 7)).repeat(9, 1)
    assert min(inception_score(logits, splits=1).mean for logits in alike) == 1


@pytest.mark.parametrize(("n", "floor"), [(26_000, 0.0195), (10_000, 0.0509)])
def test_floor_is_what_uniform_samples_themselves_give(n, floor):
    """To the second order the mean KL is (modes - 1) / 2n; the third adds a little."""
    found = modes(np.random.default_rng(5).integers(0, 1000, n), 1000)
    assert found.floor == pytest.approx(999 / (2 * n), rel=0.05)
    assert found.floor == pytest.approx(floor, rel=0.05)
    assert found.kl == pytest.approx(found.floor, rel=0.15)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 5]), "labels from 0 to 5: there are 5 modes"),
        (np.array([-1, 2]), "labels from -1 to 2"),
        (np.array([0.0]), "labels must be"),
        (np.array([], int), "labels must be"),
    ],
)
def test_labels_of_no_mode_are_named(labels, message):
    with pytest.raises(ValueError, match=message):
        modes(labels, 5)


def test_logits_that_cannot_be_split_are_named():
    with pytest.raises(ValueError, match=r"logits \[3, 2\] in 4 splits"):
        inception_score(np.ones((3, 2)), splits=4)


@pytest.mark.parametrize("figure", [lambda logits: inception_score(logits, splits=1), likeliest])
def test_logits_that_are_not_finite_have_no_figure(figure):
    with pytest.raises(FloatingPointError, match="logits hold NaN or infinity"):
        figure(np.array([[0.0, np.nan], [1.0, 2.0]]))
