"""The classifier that comes with the package, and the file of its weights."""

import hashlib
import importlib.resources
import io
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data.packaged.digits import digits
from gan_jax.data.source import to_float
from gan_jax.data.tfds import originals
from gan_jax.features import classifier
from gan_jax.features.packaged import read, write

DEBIAN = pathlib.Path("/usr/share/datasets/fashion-mnist")


def test_packaged_classifier_is_right_on_98_percent_of_the_digits_held_out():
    images, labels, _ = next(digits("test").stream(jax.random.key(0), 0, 1000))
    seen = jax.jit(classifier.digits().look)(images)
    assert np.mean(seen.logits.argmax(1) == labels) >= 0.98
    assert seen.features.shape == (1000, classifier.FEATURES)
    assert np.linalg.matrix_rank(np.asarray(seen.features)) == classifier.FEATURES


def test_packaged_classifier_is_right_on_92_percent_of_the_clothes_held_out():
    if not DEBIAN.is_dir():
        pytest.skip("needs Debian's package dataset-fashion-mnist")
    test = originals.read_mnist({file.name: file.read_bytes() for file in DEBIAN.glob("*.gz")})["test"]
    look = jax.jit(classifier.fashion().look)
    images, labels = test.images[:2000], test.labels[:2000]
    assert np.mean(look(to_float(jnp.asarray(images))).logits.argmax(1) == labels) >= 0.92


@pytest.mark.parametrize("name", ["digits", "fashion"])
def test_packaged_weights_are_small_and_known_by_their_hash(name):
    file = importlib.resources.files("gan_jax.features") / "weights" / f"{name}.npz"
    assert file.stat().st_size < 2e6
    assert getattr(classifier, name)().weights == hashlib.sha256(file.read_bytes()).hexdigest()


def test_images_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"takes images \[B, 28, 28, 1\], these are \[2, 32, 32, 3\]"):
        classifier.digits().look(jnp.zeros((2, 32, 32, 3)))


def test_weights_are_read_as_they_were_written_to_half_precision(tmp_path):
    shapes = jax.eval_shape(classifier.Classifier(3).init, jax.random.key(0), jnp.zeros((1, 28, 28, 1)))["params"]
    params = jax.tree.map(lambda leaf: np.random.default_rng(0).normal(size=leaf.shape).astype(np.float32), shapes)
    stream = io.BytesIO()
    write(params, stream)
    (tmp_path / "weights.npz").write_bytes(stream.getvalue())
    again = read(tmp_path / "weights.npz")
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6), again, dict(params))
    assert classifier.classify(again, jnp.zeros((2, 28, 28, 1))).logits.shape == (2, 3)


def test_weights_that_would_run_code_are_not_read(tmp_path):
    np.savez(tmp_path / "weights.npz", kernel=np.array([print], object))
    with pytest.raises(ValueError, match="allow_pickle"):
        read(tmp_path / "weights.npz")
