"""Generators as ONNX programs: onnxruntime draws JAX's samples, from any number of latents."""

import functools
import sys
from pathlib import Path

import command_line
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from gan_jax import priors, views
from gan_jax.cli import main as cli
from gan_jax.errors import UserError
from gan_jax.models import onnx
from gan_jax.models.model import Model
from gan_jax.nets import convlstm, dcgan, gan3d, language, mlp, r3gan, radford, resnet, stylegan2, vgan, wavegan
from gan_jax.nets.conv import conv, conv_transpose
from gan_jax.sample import generate
from gan_jax.storage.provenance import SYNTHETIC
from gan_jax.types import Network, Variables

CLASSES = 4
SIZE = 6
FAMILIES = {  # those whose programs differ: transposed, grouped and modulated convolutions, in 1 to 3 dimensions, loops
    "dcgan": functools.partial(dcgan.generator, width=2, shape=(8, 12, 1), classes=CLASSES),
    "stylegan2": functools.partial(stylegan2.generator, widths=(4, 2), size=SIZE, depth=1, shape=(6, 8, 3)),
    "wavegan": functools.partial(wavegan.generator, width=2, length=1024),
    "gan3d": functools.partial(gan3d.generator, width=2),
    "convlstm": functools.partial(convlstm.generator, width=2, shape=(3, 16, 16, 1)),
    "radford": functools.partial(radford.generator, width=2, shape=(16, 16, 3), taps=(1, 2, 1)),
}
MORE = {
    "mlp": functools.partial(mlp.generator, (3, 2), width=8, depth=2, classes=CLASSES),
    "resnet": functools.partial(resnet.generator, width=4, shape=(8, 16, 3), classes=CLASSES),
    "r3gan": functools.partial(r3gan.generator, widths=(4, 2), blocks=1, group_size=2, shape=(6, 8, 3)),
    "vgan": functools.partial(vgan.generator, width=2, shape=(4, 16, 16, 1)),
    "language": functools.partial(language.generator, width=4, shape=(8, 5)),
}


@pytest.fixture(scope="module", autouse=True)
def converter():
    """jax2onnx, which imports half of JAX's world, with that world's warnings."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("jax2onnx", "onnx", "onnxruntime"):
            pytest.importorskip(name)
        from jax2onnx.plugins import plugin_system

        plugin_system.import_all_plugins()


def model_of(network, classes=0, prior=None):
    prior = priors.normal(SIZE) if prior is None else prior
    z = jax.vmap(prior)(jax.random.split(jax.random.key(0), 2))
    condition = jnp.zeros(2, jnp.int32) if classes else None
    shapes = jax.eval_shape(network.init, jax.random.key(0), z, condition)
    random = np.random.default_rng(0)
    params, stats = jax.tree.map(lambda leaf: random.normal(1, 0.5, leaf.shape).astype(leaf.dtype) / 3, shapes)
    stats = jax.tree.map(np.abs, stats)
    conditions = np.arange(classes, dtype=np.int32) if classes else None
    return Model("toy", 7, network, Variables(params, stats), prior, conditions, classes, views.images)


def both(model, file, count):
    """Samples by onnxruntime, as the documentation has it, and by JAX."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    program = onnxruntime.InferenceSession(file, options)
    z = np.random.default_rng(0).standard_normal((count, SIZE)).astype(np.float32)
    given = {"z": z} | ({"condition": np.arange(count, dtype=np.int32) % CLASSES} if model.classes else {})
    (samples,) = program.run(["samples"], given)
    return samples, generate(model.network, model.variables, z, None, given.get("condition"))


def check(network, folder):
    model = model_of(network)
    assert onnx.write(model, "a card", folder / "toy.onnx") < 1e-5


@pytest.mark.parametrize("name", FAMILIES)
def test_onnxruntime_draws_the_same_samples_of_any_number(name, tmp_path):
    network = FAMILIES[name]()
    model = model_of(network, CLASSES if name == "dcgan" else 0)
    assert onnx.write(model, "a card", tmp_path / "toy.onnx") < 1e-5
    for count in (1, 5):
        got, wanted = both(model, tmp_path / "toy.onnx", count)
        assert got.shape == wanted.shape
        np.testing.assert_allclose(got, wanted, atol=1e-5 * np.abs(wanted).max())


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", MORE)
def test_onnxruntime_draws_the_same_samples_of_each_further_family(name, tmp_path):
    model = model_of(MORE[name](), CLASSES if "classes" in MORE[name].keywords else 0)
    assert onnx.write(model, "a card", tmp_path / "toy.onnx") < 1e-5


def pure(function):
    """A network without variables."""
    return Network(lambda *_: ({}, {}), lambda params, stats, z, condition, mode: (function(z), stats))


def test_a_convolution_and_its_transpose_become_onnxs_with_strides_padding_and_groups(tmp_path):
    w = np.random.default_rng(0).standard_normal((3, 2, 4)).astype(np.float32)

    def function(z):
        x = z.reshape(-1, 3, 2)[:, :, [0, 1, 0, 1]]
        x = conv_transpose(x, w, 2, [(1, 0)], space=(6,), groups=2)  # one position beyond the windows
        return conv(x, w, 2, [(0, 2)], groups=2)

    check(pure(function), tmp_path)


@pytest.mark.parametrize("reverse", [False, True])
def test_a_scan_is_unrolled_in_either_direction(reverse, tmp_path):
    def function(z):
        def turn(carry, x):
            carry = jnp.tanh(carry * 2 + x)
            return carry, carry[:, None]

        last, rows = lax.scan(turn, z[:, 0], z.T, reverse=reverse)
        return jnp.concatenate([last[:, None], rows[..., 0].T], 1)

    check(pure(function), tmp_path)


@pytest.mark.parametrize("low", [-1, 2])
@pytest.mark.parametrize("high", [-2, 0, 1])
def test_padding_adds_and_crops(low, high, tmp_path):
    check(pure(lambda z: lax.pad(z, jnp.float32(0.5), [(0, 0, 0), (low, high, 0)])), tmp_path)


def test_every_leaf_of_a_tree_has_a_name(tmp_path):
    import onnxruntime

    network = pure(lambda z: {"sum": z["a"] + z["b"], "product": z["a"] * z["b"]})
    split = jax.random.split
    model = model_of(network, prior=lambda key: dict(zip("ab", jax.vmap(priors.normal(2))(split(key)))))
    onnx.write(model, "a card", tmp_path / "toy.onnx")
    program = onnxruntime.InferenceSession(tmp_path / "toy.onnx")
    assert {given.name for given in program.get_inputs()} == {"z/a", "z/b"}
    assert {made.name for made in program.get_outputs()} == {"samples/sum", "samples/product"}
    a, b = np.float32([[1, 2]]), np.float32([[3, 5]])
    np.testing.assert_array_equal(program.run(["samples/product"], {"z/a": a, "z/b": b})[0], a * b)


def test_a_network_that_cannot_be_converted_is_refused_in_a_line_and_leaves_no_file(tmp_path):
    network = pure(lambda z: jax.pure_callback(np.sin, z, z))
    with pytest.raises(UserError, match=r"^jax2onnx can't convert the generator of toy: .*pure_callback.*$"):
        onnx.write(model_of(network), "a card", tmp_path / "toy.onnx")
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_draws_other_samples_is_refused(tmp_path, monkeypatch):
    model = model_of(pure(jnp.tanh))
    wrong = onnx.converted(model_of(pure(lambda z: jnp.tanh(z) * 1.01)), {})
    monkeypatch.setattr(onnx, "converted", lambda *_: wrong)
    with pytest.raises(UserError, match=r"samples differ by 0.01 of the largest value"):
        onnx.write(model, "a card", tmp_path / "toy.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_command_exports_a_run_with_notes_on_its_origin(tmp_path, monkeypatch, capsys):
    import onnxruntime

    monkeypatch.chdir(tmp_path)
    Path("tiny.py").write_text(command_line.TINY)
    cli.main(["train", "tiny.py", "--run-dir", "RUN", *command_line.EVERY])
    cli.main(["export", "RUN", "--onnx"])
    (file,) = Path().glob("*.onnx")
    assert "onnxruntime's samples differ from JAX's by" in capsys.readouterr().out
    notes = onnxruntime.InferenceSession(file).get_modelmeta().custom_metadata_map
    assert notes["digital_source_type"] == SYNTHETIC
    assert (notes["name"], notes["step"], notes["prior"]) == ("tiny", "6", "priors.normal: float32[2]")
    assert "# tiny" in notes["card"]
    assert notes["noise"].startswith("none")
    for arguments, said in {
        ("--half",): "leave --half out",
        ("--out", "tiny.ganjax"): "name an ONNX program, such as tiny.onnx",
    }.items():
        assert said in command_line.refused(capsys, "export", "RUN", "--onnx", *arguments)


def test_without_jax2onnx_one_line_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax2onnx", None)
    with pytest.raises(UserError, match=r"toy.onnx: writing ONNX needs jax2onnx: pip install 'gan-jax\[onnx\]'$"):
        onnx.write(model_of(pure(jnp.tanh)), "a card", tmp_path / "toy.onnx")
