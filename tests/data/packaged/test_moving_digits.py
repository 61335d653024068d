"""Digits move in straight lines at a constant speed, bounce off the sides, and keep their shape."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from source_properties import check_places, check_resumes, check_shapes, take

from gan_jax.data.packaged import digits as packaged
from gan_jax.data.packaged.moving_digits import FASTEST, SLOWEST, bounced, moving_digits, place, scenes


@pytest.mark.parametrize(("size", "digits"), [(32, 1), (64, 2)])
def test_it_is_a_source_that_says_that_it_is_procedural(size, digits):
    source = moving_digits(size=size, digits=digits)
    assert source.example.x.shape == (16, size, size, 1)
    assert "procedural" in source.name
    check_shapes(source)
    check_resumes(source)
    check_places(source)
    (batch,) = take(source, 1)
    assert batch.x.min() == -1
    assert 0.5 < batch.x.max() <= 1


def test_splits_have_their_own_digits_and_the_same_shape():
    source = moving_digits(size=64)
    test = source.split("test")
    assert test.name == source.name.replace("train", "test")
    own = {image.tobytes() for image in packaged.of_split("train")[0]}
    others = {image.tobytes() for image in packaged.of_split("test")[0]}
    assert len(own & others) < 3  # a few digits are MNIST's own doubles
    assert not np.array_equal(take(source, 1)[0].x, take(test, 1)[0].x)
    with pytest.raises(ValueError, match="have no split 'dev'"):
        source.split("dev")


def test_a_digit_goes_straight_on_at_one_speed_but_where_it_bounces():
    scene = jax.vmap(scenes("train", digits=2))(jax.random.split(jax.random.key(0), 64))
    places = np.asarray(scene.places)
    assert places.shape == (64, 2, 16, 2)
    assert (places >= 0).all()
    assert (places <= 1).all()
    steps = np.abs(np.diff(places, axis=2))
    usual = np.median(steps, axis=2, keepdims=True)
    assert np.mean(np.isclose(steps, usual, atol=1e-5)) > 0.8
    assert (steps <= usual + 1e-5).all()  # a bounce in mid-step can only shorten it
    pace = np.linalg.norm(usual, axis=-1)
    assert (pace > SLOWEST - 1e-5).all()
    assert (pace < FASTEST + 1e-5).all()


def test_a_bounce_mirrors_the_way():
    np.testing.assert_allclose(bounced(jnp.array([-0.25, 0.5, 1.25, 2.25, -1.25])), [0.25, 0.5, 0.75, 0.25, 0.75])


def test_at_whole_pixels_an_image_is_placed_as_it_is_and_between_them_its_light_stays():
    image = jax.random.uniform(jax.random.key(0), (5, 5))
    placed = place(image, jnp.array([2.0, 7.0]), 12)
    np.testing.assert_allclose(placed[2:7, 7:12], image, rtol=1e-6)
    np.testing.assert_allclose(placed.sum(), image.sum(), rtol=1e-5)
    between = place(image, jnp.array([2.25, 6.5]), 12)
    np.testing.assert_allclose(between.sum(), image.sum(), rtol=1e-5)
    rows = jnp.arange(12) @ between.sum(1) / between.sum() - jnp.arange(5) @ image.sum(1) / image.sum()
    np.testing.assert_allclose(rows, 2.25, rtol=1e-5)


def test_where_digits_overlap_the_brighter_shows():
    scene = scenes("train", digits=30)(jax.random.key(1))
    alone = scenes("train", digits=1)(jax.random.key(1)).clip
    assert scene.clip.max() <= 1
    assert scene.clip.mean() > alone.mean()


def test_digits_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="0 digits in 16 frames of 32x32"):
        moving_digits(digits=0)
