"""Measures of images: real against real is near perfect, and worse samples are worse."""

import jax.numpy as jnp
import numpy as np
import pytest
from measured import figures, take

from gan_jax import measures
from gan_jax.data.packaged.digits import digits
from gan_jax.features import classifier
from gan_jax.measures import image
from gan_jax.types import Features, Seen


def pixels(x):
    """Features that need no network: means of 4 x 4 patches; the logits are the first ten."""
    patches = x.reshape(len(x), 7, 4, 7, 4, -1).mean((2, 4, 5)).reshape(len(x), -1)
    return Seen(patches, patches[:, :10])


PIXELS = Features("pixels", "0" * 64, "none", pixels)


@pytest.fixture(scope="module")
def images():
    x = take(digits(), 1200)
    return x[:600], x[600:]


def test_images_of_the_same_kind_are_nearer_than_noisy_ones(images):
    real, other = images
    measure = measures.images(PIXELS)
    noisy = np.clip(other + np.random.default_rng(0).normal(0, 1.0, other.shape), -1, 1).astype(np.float32)
    good, bad = figures(measure, real, other), figures(measure, real, noisy)
    assert good.keys() - {"kernel_distance_error", "score_deviation", "nearest"} == measure.better.keys()
    for name in ("precision", "recall", "density", "coverage"):
        assert good[name] > bad[name]
    for name in ("frechet_distance", "kernel_distance", "nearest"):
        assert good[name] < bad[name]
    assert not measure.collapsed(good)


def test_figures_do_not_depend_on_how_images_come_in_batches(images):
    real, fake = images
    measure = measures.images(PIXELS)
    a, b = figures(measure, real, fake, size=600), figures(measure, real, fake, size=77)
    assert a.keys() == b.keys()
    np.testing.assert_allclose(list(a.values()), list(b.values()), rtol=1e-5, atol=1e-6)


def test_a_generator_of_one_image_has_collapsed_and_repeats_itself(images):
    real, fake = images
    measure = measures.images(PIXELS)
    one = figures(measure, real, np.broadcast_to(fake[:1], fake.shape).copy())
    assert measure.collapsed(one)
    assert one["duplicates"] == 1


def test_a_generator_that_copies_its_training_data_lies_on_them(images):
    real, _ = images
    copied = figures(measures.images(PIXELS), real, real[:300])
    assert copied["nearest"] == 0
    assert copied["precision"] == 1


def test_data_with_copies_have_every_figure_and_a_line_that_says_so(images, caplog):
    real, other = images[0][:20], images[1][:60]
    measure = measures.images(PIXELS)
    found = figures(measure, np.tile(real, (3, 1, 1, 1)), np.repeat(real, 4, 0))
    assert "the first 60 real examples are copies of 20 by their features" in caplog.text
    assert (found["nearest"], found["precision"], found["recall"], found["coverage"]) == (0, 1, 1, 1)
    assert found["frechet_distance"] >= 0
    caplog.clear()
    once, often = figures(measure, real, other), figures(measure, np.tile(real, (3, 1, 1, 1)), other)
    assert caplog.text.count("copies") == 1  # of those that have some
    for name in ("nearest", "duplicates"):
        assert once[name] == pytest.approx(often[name], rel=1e-5)


def test_pairs_are_of_the_first_examples_and_the_frechet_distance_of_all(images, monkeypatch):
    monkeypatch.setattr(image, "KEPT", 100)
    summary = measures.images(PIXELS).summarise([images[0][:60], images[0][60:]])
    assert (summary.moments.n, len(summary.first), len(summary.logits)) == (600, 100, 100)
    np.testing.assert_allclose(summary.first, pixels(images[0][:100]).features, atol=1e-6)


def test_a_generator_that_copies_any_of_its_training_data_lies_on_them_and_real_examples_lie_apart(images, monkeypatch):
    monkeypatch.setattr(image, "KEPT", 100)
    real, other = images
    measure = measures.images(PIXELS)
    assert figures(measure, real, real[-100:])["nearest"] == 0
    assert figures(measure, real, other)["nearest"] == pytest.approx(1, abs=0.1)


def test_nearest_has_a_protocol_of_its_own_only_where_there_are_more_real_examples_than_pairs_are_of():
    few, many = (measures.images(PIXELS).protocol(real) for real in (image.KEPT, image.KEPT + 1))
    assert many == few | {"nearest": "among the first 100000"}
    assert "nearest" not in few


def test_features_without_classes_have_no_score(images):
    plain = Features("plain", "", "none", lambda x: Seen(pixels(x).features))
    assert "score" not in figures(measures.images(plain), *images)


def test_the_protocol_names_the_network_its_weights_and_what_is_done_to_images():
    for make in (measures.images, measures.stacked):
        protocol = make(PIXELS).protocol(1000)
        assert protocol["features"] == "pixels"
        assert protocol["weights"] == "0" * 64
        assert protocol["resize"] == "none"
    assert len(classifier.digits().weights) == 64


def test_the_mode_of_stacked_digits_has_the_red_digit_for_its_hundreds():
    def brightness(x):
        return Seen(x.mean((1, 2)), -jnp.abs(x.mean((1, 2, 3))[:, None] - jnp.arange(10.0)[None]))

    bright = Features("brightness", "", "none", brightness)
    x = np.broadcast_to(np.array([1.0, 2.0, 3.0], np.float32), (4, 8, 8, 3))
    measure = measures.stacked(bright)
    assert measure.summarise([x]).tolist() == [123] * 4
    found = measure.compare(None, measure.summarise([x]))
    assert found["covered"] == 1
    np.testing.assert_allclose(found["reverse_kl"], np.log(1000), rtol=1e-6)
    assert measure.look(x).shape == (4, 3)
