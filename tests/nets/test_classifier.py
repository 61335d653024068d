"""The classifier that comes with the package, and the file of its weights."""

import io

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data import digits
from gan_jax.data.source import to_float
from gan_jax.nets import classifier


@pytest.fixture(scope="module")
def held_out():
    """The images that the classifier wasn't trained on: the last 100 of each digit."""
    images, labels = digits.load()
    chosen = np.arange(5000) % 500 >= 400
    return to_float(jnp.asarray(images[chosen])), labels[chosen]


def test_packaged_classifier_is_right_on_98_percent_of_the_digits_held_out(held_out):
    images, labels = held_out
    seen = jax.jit(classifier.classify)(classifier.digits_classifier(), images)
    assert np.mean(seen.logits.argmax(1) == labels) >= 0.98
    assert seen.features.shape == (1000, classifier.FEATURES)
    assert (seen.features >= 0).all()
    assert np.linalg.matrix_rank(np.asarray(seen.features)) > 64  # the others are 0 for every image


def test_packaged_weights_are_small():
    assert (classifier.importlib.resources.files("gan_jax.nets") / "weights" / "digits.npz").stat().st_size < 2e6


def test_weights_are_read_as_they_were_written_to_half_precision(tmp_path):
    params = classifier.Classifier(3).init(jax.random.key(0), jnp.zeros((1, 28, 28, 1)))["params"]
    stream = io.BytesIO()
    classifier.write(params, stream)
    (tmp_path / "weights.npz").write_bytes(stream.getvalue())
    read = classifier.read(tmp_path / "weights.npz")
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6), read, dict(params))
    assert classifier.classify(read, jnp.zeros((2, 28, 28, 1))).logits.shape == (2, 3)


def test_weights_that_would_run_code_are_not_read(tmp_path):
    np.savez(tmp_path / "weights.npz", kernel=np.array([print], object))
    with pytest.raises(ValueError, match="allow_pickle"):
        classifier.read(tmp_path / "weights.npz")
