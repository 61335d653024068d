"""The classifier of drums that comes with the package."""

import hashlib
import importlib.resources

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data.packaged.drums import drums
from gan_jax.features import drum_classifier as sound_classifier


def test_the_packaged_classifier_is_right_on_12_of_the_21_drums_held_out():
    x, labels, _ = next(drums("test").stream(jax.random.key(0), 0, 21))
    seen = jax.jit(sound_classifier.drums().look)(x)
    assert np.sum(seen.logits.argmax(1) == labels) >= 12
    assert seen.features.shape == (21, sound_classifier.FEATURES)


def test_its_weights_are_small_and_known_by_their_hash():
    file = importlib.resources.files("gan_jax.features") / "weights" / "drums.npz"
    assert file.stat().st_size < 3e5
    features = sound_classifier.drums()
    assert features.weights == hashlib.sha256(file.read_bytes()).hexdigest()
    assert (features.name, features.resize[:7]) == ("drums classifier", "log-mel")


def test_sounds_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"takes sounds \[B, 16384, 1\], these are \[2, 8192, 1\]"):
        sound_classifier.drums().look(jnp.zeros((2, 8192, 1)))
