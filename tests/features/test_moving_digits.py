"""The network of clips recognises digits that it never saw, and how they move."""

import importlib.resources

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data.packaged.moving_digits import scenes
from gan_jax.features import moving_digits as moving
from gan_jax.features.packaged import weights

SCENES = 256


@pytest.fixture(scope="module")
def scene():
    return jax.jit(jax.vmap(scenes("test")))(jax.random.split(jax.random.key(3), SCENES))


@pytest.fixture(scope="module")
def params():
    return weights("moving_digits")[0]


def test_it_predicts_held_out_digits_and_their_steps(scene, params):
    predicted = jax.jit(moving.predict)(params, scene.clip)
    assert np.mean(np.argmax(predicted.logits, 1) == scene.label[:, 0]) > 0.9
    steps = 14 * np.diff(scene.places[:, 0], axis=1)  # pixels
    off = np.linalg.norm(predicted.steps - steps, axis=-1).mean()
    assert off < 0.3 * np.linalg.norm(steps, axis=-1).mean()


@pytest.mark.exhaustive
def test_features_of_clips_and_of_frames_are_those_of_one_network(scene, params):
    clips, frames = moving.clips(), moving.frames()
    assert clips.weights == frames.weights
    predicted, seen = moving.predict(params, scene.clip[:4]), clips.look(scene.clip[:4])
    np.testing.assert_allclose(seen.features[:, :30], predicted.steps.reshape(4, 30), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(seen.logits, predicted.logits, rtol=1e-5, atol=1e-5)
    assert seen.features.shape == (4, 40)
    assert frames.look(scene.clip[0]).features.shape == (16, moving.OF_FRAMES)


def test_larger_clips_and_colours_are_seen_small_and_grey(scene):
    look = moving.clips().look
    large = scene.clip[:4].repeat(2, 2).repeat(2, 3).repeat(3, 4)
    ours, theirs = look(scene.clip[:4]).features, look(large).features
    assert jnp.linalg.norm(ours - theirs) < 0.5 * jnp.linalg.norm(ours)
    assert moving.frames().look(large[0]).features.shape == (16, moving.OF_FRAMES)


def test_other_numbers_of_frames_are_refused(scene):
    with pytest.raises(ValueError, match=r"the network takes clips \[B, 16, H, W, C\], these are \[2, 8, 32, 32, 1\]"):
        moving.clips().look(scene.clip[:2, :8])


def test_the_weights_are_small():
    with (importlib.resources.files("gan_jax.features") / "weights" / "moving_digits.npz").open("rb") as file:
        assert len(file.read()) < 400_000
