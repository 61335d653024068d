"""Inception against torch-fidelity's, layer by layer on made-up weights, from inception_golden.json or live.

The published weights are no part of the tests: what is theirs alone is the checksum.
"""

import hashlib
import json
import urllib.error
import urllib.request

import jax
import jax.numpy as jnp
import make_inception_golden as made
import numpy as np
import pytest

from gan_jax.features import inception_v3 as inception

GOLDEN = json.loads(made.FILE.read_text())["layers"]


def images():
    return jnp.asarray((made.image().astype(np.float32) - 127.5) / 127.5)


@pytest.fixture(scope="module")
def tensors():
    """Made-up weights by PyTorch's names."""
    shapes = {"fc.weight": (inception.CLASSES, inception.FEATURES)}
    for name, (*window, inputs, outputs) in inception.kernels().items():
        shapes[f"{name}.conv.weight"] = (outputs, inputs, *window)
        shapes |= {f"{name}.bn.{part}": (outputs,) for part in ("weight", "bias", "running_mean", "running_var")}
    return {name: made.weight(name, shape) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def layers(tensors):
    """Name of a layer -> its output for the image of the golden file."""

    def every(params, x):
        prepared = inception.prepare(x)
        seen, kept = inception.Inception().apply({"params": params}, prepared, mutable="intermediates")
        inside = zip(inception.LAYERS, kept["intermediates"]["layers"], strict=True)
        return {"prepared": prepared} | dict(inside) | {"features": seen.features, "logits": seen.logits}

    return jax.jit(every)(inception.params_of(tensors), images())


def close(given, expected):
    """Compares to 1e-4 of the layer's root mean square; float32's error is 3e-5 of it."""
    np.testing.assert_allclose(given, expected, rtol=0, atol=1e-4 * np.sqrt(np.mean(np.square(expected))))


@pytest.mark.parametrize("name", ["prepared", *inception.LAYERS, "features", "logits"])
def test_layer_agrees_with_torch_fidelity(layers, name):
    close(made.summary(layers[name]), GOLDEN[name])


def test_features_are_those_of_pytorch_fid_too(layers):
    close(made.summary(layers["features"]), GOLDEN["pytorch-fid's features"])


def test_every_layer_in_full_is_torch_fidelitys_on_the_spot(layers):
    pytest.importorskip("torch")
    pytest.importorskip("torch_fidelity")
    expected = made.layers(made.network())
    assert expected.keys() == layers.keys()
    for name, x in expected.items():
        close(layers[name], x)


def test_weights_that_torch_saved_are_seen_through(layers, tensors, tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    torch.save({name: torch.tensor(x) for name, x in tensors.items()}, tmp_path / "weights.pth")
    digest = hashlib.sha256((tmp_path / "weights.pth").read_bytes()).hexdigest()
    monkeypatch.setattr(inception, "SHA256", digest)
    features = inception.inception(tmp_path / "weights.pth")
    assert features[:3] == ("Inception-v3 (FID)", digest, "299x299, bilinear as TensorFlow 1")
    close(jax.jit(lambda look, x: look(x))(features.look, images()).features, layers["features"])


def test_it_sees_2048_features_and_1008_classes(layers, tensors):
    seen = jax.eval_shape(inception.look, inception.params_of(tensors), jnp.zeros((3, 32, 32, 1)))
    assert seen.features.shape == (3, 2048)
    assert seen.logits.shape == (3, 1008)
    assert layers["features"].shape == (1, 2048)


def test_the_network_is_looked_through_and_named_for_protocols(tensors, tmp_path, monkeypatch):
    (tmp_path / "weights.pth").write_bytes(b"made up")
    digest = hashlib.sha256(b"made up").hexdigest()
    monkeypatch.setattr(inception, "SHA256", digest)
    monkeypatch.setattr(inception.torch_file, "read", lambda path: tensors)
    features = inception.inception(tmp_path / "weights.pth")
    assert features[:3] == ("Inception-v3 (FID)", digest, "299x299, bilinear as TensorFlow 1")
    assert jax.eval_shape(features.look, jnp.zeros((2, 8, 8, 3))).logits.shape == (2, 1008)


def test_resize_puts_pixel_i_at_i_times_the_ratio():
    """Pixels 0 and 3, taken at 0, 2/3 and 4/3 (past the end), give 0, 2, 3. Half-pixel centres would give 0, 1.5, 3."""
    row = jnp.array([0.0, 3.0])[None, None, :, None] * jnp.ones((1, 2, 1, 1))
    np.testing.assert_allclose(inception.resize(row, 3)[0, :, :, 0], [[0, 2, 3]] * 3, atol=1e-6)
    column = jnp.swapaxes(row, 1, 2)
    np.testing.assert_allclose(inception.resize(column, 3)[0, :, :, 0].T, [[0, 2, 3]] * 3, atol=1e-6)


def test_resize_to_fewer_pixels_takes_them_without_smoothing():
    x = jnp.arange(16.0).reshape(1, 4, 4, 1)
    np.testing.assert_array_equal(inception.resize(x, 2), x[:, ::2, ::2])


def test_images_of_full_size_are_their_bytes_less_128_by_128():
    x = jnp.asarray(np.random.default_rng(0).integers(0, 256, (1, 299, 299, 3)), jnp.float32)
    np.testing.assert_array_equal(inception.prepare((x - 127.5) / 127.5), (x - 128) / 128)


@pytest.mark.parametrize(("value", "level"), [(-3, 0), (-1, 0), (0.4 / 127.5, 128), (0.6 / 127.5, 128), (3, 255)])
def test_values_between_bytes_are_rounded_and_those_beyond_are_cut(value, level):
    np.testing.assert_array_equal(inception.prepare(jnp.full((1, 2, 2, 1), value)) * 128 + 128, level)


def test_grey_is_three_equal_colours():
    grey = images()[..., :1]
    np.testing.assert_array_equal(inception.prepare(grey), inception.prepare(jnp.concatenate([grey] * 3, -1)))


def test_other_things_than_images_are_named():
    with pytest.raises(ValueError, match=r"images \[B, H, W, 1 or 3\], these are \[2, 8, 8, 4\]"):
        inception.prepare(jnp.zeros((2, 8, 8, 4)))


@pytest.mark.parametrize("name", ["fc.weight", "Mixed_7c.branch3x3dbl_3b.conv.weight", "Conv2d_1a_3x3.bn.running_var"])
def test_weights_that_lack_a_tensor_or_have_another_shape_of_it_are_refused_by_its_name(tensors, name):
    with pytest.raises(ValueError, match=f"{name} should be .*, but is missing"):
        inception.params_of({other: x for other, x in tensors.items() if other != name})
    with pytest.raises(ValueError, match=rf"{name} should be .*, but is \(1, 2\)"):
        inception.params_of(tensors | {name: np.zeros((1, 2), np.float32)})


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path):
    (tmp_path / "other.pth").write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"other.pth isn't the published pt_inception.*SHA-256.*run `gan-jax prepare"):
        inception.inception(tmp_path / "other.pth")


def test_the_published_files_name_ends_in_its_checksums_first_digits():
    assert inception.FILE.endswith(f"-{inception.SHA256[:8]}.pth")
    assert len(inception.SHA256) == 64


def test_missing_weights_say_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setattr(inception, "default_path", lambda: tmp_path / "weights.pth")
    for weights in (None, tmp_path / "none.pth"):
        with pytest.raises(FileNotFoundError, match=r"missing: run `gan-jax prepare inception`, or .* --weights"):
            inception.inception(weights)


def test_fetch_only_keeps_a_file_with_the_checksum(tmp_path, monkeypatch):
    published = tmp_path / "published.pth"
    published.write_bytes(b"the weights")
    path = tmp_path / "cache" / "weights.pth"
    monkeypatch.setattr(inception, "default_path", lambda: path)
    monkeypatch.setattr(inception, "URL", published.as_uri())
    with pytest.raises(ValueError, match=r"isn't the published file \(its checksum differs\): get .* elsewhere"):
        inception.fetch()
    assert not list(path.parent.iterdir())
    monkeypatch.setattr(inception, "SHA256", hashlib.sha256(b"the weights").hexdigest())
    assert inception.fetch() == path
    assert [file.name for file in path.parent.iterdir()] == ["weights.pth"]
    path.write_bytes(b"cut off")
    assert inception.fetch().read_bytes() == b"the weights"
    published.unlink()
    assert inception.fetch() == path  # it is there: no download


def test_fetch_without_a_network_says_where_to_put_the_file(tmp_path, monkeypatch):
    def offline(*args, **options):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(inception, "default_path", lambda: tmp_path / "weights.pth")
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    with pytest.raises(ValueError, match=r"can't be downloaded .*no route to host.*: get .* elsewhere, .*weights.pth"):
        inception.fetch()
    assert not list(tmp_path.iterdir())
