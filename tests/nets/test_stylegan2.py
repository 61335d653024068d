"""StyleGAN2's networks: the published sizes, styles, noise and mixing, and equality with a build in PyTorch."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from derivatives import by_jax, golden
from stylegan2_cases import FILE, NETS, SETTINGS, SHAPE, inputs, variables
from toys import make_game, played

from gan_jax import losses, penalties, regularizers
from gan_jax.nets import stylegan2
from gan_jax.objectives import add, every
from gan_jax.trees import as_output
from gan_jax.types import Mode, Players

FFHQ = (512, 512, 512, 512, 512, 256, 128, 64, 32)
KEYS = jax.random.split(jax.random.key(3), 4)


def size_of(network, *shape):
    params, stats = jax.eval_shape(network.init, jax.random.key(0), jax.ShapeDtypeStruct((2, *shape), "float32"), None)
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params)), stats


def test_ffhq_1024_has_the_published_numbers_of_parameters():
    """As the authors' code prints them; for the generator, with 2 layers of mapping, and 6 more of 512 · 513."""
    generator = functools.partial(stylegan2.generator, widths=FFHQ, shape=(1024, 1024, 3))
    assert size_of(generator(depth=2), 512)[0] == 28_794_124
    assert size_of(generator(), 512)[0] == 28_794_124 + 6 * 512 * 513 == 30_370_060
    assert size_of(stylegan2.critic(widths=FFHQ), 1024, 1024, 3) == (29_012_513, {})


def test_cifar_10_has_the_parameters_of_its_layers():
    layer, to_rgb, conv = 512 * 513 + 9 * 512**2 + 513, 512 * 513 + 3 * 513, 9 * 512**2 + 512
    generator = 2 * 512 * 513 + 16 * 512 + 7 * layer + 4 * to_rgb
    assert size_of(stylegan2.generator(depth=2, mixing=0), 512)[0] == generator
    critic = 4 * 512 + 6 * conv + (conv + 9 * 512) + (16 * 512**2 + 512) + 513
    assert size_of(stylegan2.critic(residual=False, group=32), 32, 32, 3)[0] == critic


@pytest.mark.parametrize(
    ("side", "settings", "widths"),
    [
        (1024, {}, FFHQ),
        (256, {"base": 16384}, (512, 512, 512, 512, 256, 128, 64)),
        (64, {"base": 2048, "most": 64}, (64, 64, 64, 64, 32)),
        (96, {"base": 16384}, (512, 512, 512, 512, 256, 128)),
        (56, {}, (512, 512, 512, 512)),
        (64, {"base": 16, "most": 1}, (1, 1, 1, 1, 1)),
    ],
)
def test_widths_are_the_base_divided_by_the_side_within_limits(side, settings, widths):
    assert stylegan2.widths_of(side, **settings) == widths


@pytest.mark.parametrize("side", [36, 22, 1, 0])
def test_other_sides_are_refused(side):
    with pytest.raises(ValueError, match=f"side {side}: it must be a power of 2 times 3, 4, 5 or 7"):
        stylegan2.widths_of(side)
    with pytest.raises(ValueError, match="sides multiples of 8 for 4 stages"):
        stylegan2.generator(shape=(36, 36, 3))


@pytest.mark.parametrize("settings", [{"base": 0}, {"most": 0}, {"base": -32, "most": -1}])
def test_widths_below_1_are_refused(settings):
    with pytest.raises(ValueError, match="widths must be 1 or more"):
        stylegan2.widths_of(64, **settings)


# ---- The same as in PyTorch


def results(name):
    """In float64: two orders of derivatives through norms and standard deviations leave float32 three digits."""
    label = inputs(name)[1]
    with jax.enable_x64(True):
        (params, stats), x = jax.tree.map(np.float64, (variables(name), inputs(name)[0]))
        return by_jax(lambda params, x: as_output(NETS[name].apply(params, stats, x, label, Mode())[0]).y, params, x)


def assert_close(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6 * np.abs(other).max())


@pytest.mark.parametrize("name", NETS)
def test_outputs_and_gradients_of_both_orders_are_those_of_pytorch_2_13_0(name):
    assert_close(results(name), golden(FILE, name))


@pytest.mark.parametrize("name", NETS)
def test_outputs_and_gradients_are_those_of_the_installed_pytorch(name):
    pytest.importorskip("torch")
    from papers_stylegan2 import by_torch

    assert_close(results(name), by_torch(name))


# ---- Styles

SMALL = functools.partial(stylegan2.generator, widths=(4, 3), size=6, depth=1, shape=(4, 4, 3))
NETWORK = SMALL()
APPLY = jax.jit(NETWORK.apply)
Z = jax.random.normal(jax.random.key(1), (4, 5))


@pytest.fixture(scope="module")
def made():
    """The first parameters with noise of strength 0.5, and statistics."""
    params, stats = jax.jit(NETWORK.init)(jax.random.key(0), Z, None)
    for name, layer in params["Synthesis_0"].items():
        if name.startswith("Modulated"):
            layer["strength"] = jnp.float32(0.5)
    return params, stats


def test_styles_in_the_place_of_latents_give_the_same_images(made):
    for mode in (Mode(keys=KEYS), Mode(train=True, keys=KEYS)):
        (image, styles), _ = APPLY(*made, Z, None, mode)
        assert (image.shape, styles.shape) == ((4, 4, 4, 3), (4, 4, 6))
        (again, same), after = APPLY(*made, styles, None, mode)
        np.testing.assert_allclose(again, image, atol=1e-5)
        np.testing.assert_array_equal(same, styles)
        np.testing.assert_array_equal(after["averages"]["style"], 0)


def test_noise_is_the_examples_own_and_none_without_keys(made):
    def image(keys, z=Z):
        return APPLY(*made, z, None, Mode(keys=keys))[0].y

    with_noise, without = image(KEYS), image(None)
    assert np.all(np.abs(with_noise - without).max((1, 2, 3)) > 0.01)
    np.testing.assert_allclose(image(KEYS[::-1], Z[::-1])[::-1], with_noise, atol=1e-5)
    moved = image(KEYS.at[0].set(KEYS[1]))
    np.testing.assert_allclose(moved[1:], with_noise[1:], atol=1e-5)
    assert np.abs(moved[0] - with_noise[0]).max() > 0.01


def test_styles_are_mixed_in_training_alone_from_a_place_on_that_each_example_draws(made):
    z, keys = jnp.broadcast_to(Z[:1], (2000, 5)), jax.random.split(jax.random.key(2), 2000)
    apply = jax.jit(SMALL(mixing=0.75).apply)

    def styles(mode):
        return np.asarray(apply(*made, z, None, mode)[0].extra)

    for mode in (Mode(), Mode(keys=keys), Mode(train=True)):
        np.testing.assert_allclose(styles(mode), np.broadcast_to(styles(Mode())[:1, :1], (2000, 4, 6)), rtol=1e-6)
    mixed = styles(Mode(train=True, keys=keys))
    same = np.isclose(mixed, mixed[:1, :1], rtol=1e-5).all(-1)  # [example, layer]
    assert same[:, 0].all()
    assert (np.diff(same.astype(int), axis=1) <= 0).all()
    np.testing.assert_allclose(np.bincount(same.sum(1), minlength=5) / 2000, [0, 0.25, 0.25, 0.25, 0.25], atol=0.04)
    others = mixed[~same[:, -1], -1]
    assert len(np.unique(others, axis=0)) == len(others)


def test_the_mean_style_follows_training_on_all_devices_and_leaves_other_passes_alone(made):
    (_, styles), after = APPLY(*made, Z, None, Mode(train=True))
    expected = 0.005 * np.mean(styles[:, 0], 0)
    np.testing.assert_allclose(after["averages"]["style"], expected, rtol=1e-4)

    def on_a_device(z):
        return NETWORK.apply(*made, z, None, Mode(train=True, axis_name="devices"))[1]

    for mean in jax.jit(jax.vmap(on_a_device, axis_name="devices"))(Z.reshape(2, 2, 5))["averages"]["style"]:
        np.testing.assert_allclose(mean, expected, rtol=1e-4)
    np.testing.assert_array_equal(APPLY(*made, Z, None, Mode())[1]["averages"]["style"], 0)


def test_truncation_draws_styles_towards_their_mean(made):
    params, mean = made[0], jnp.arange(6.0)
    stats = {"averages": {"style": mean}}
    styles = APPLY(params, stats, Z, None, Mode())[0].extra
    for psi, layers, expected in [
        (0.0, None, jnp.broadcast_to(mean, styles.shape)),
        (0.5, 1, styles.at[:, :1].set((styles[:, :1] + mean[None, None]) / 2)),
        (0.5, 0, styles),
    ]:
        drawn = jax.jit(stylegan2.truncated(NETWORK, psi, layers=layers).apply)(params, stats, Z, None, Mode())[0]
        np.testing.assert_allclose(drawn.extra, expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(drawn.y, APPLY(params, stats, expected, None, Mode())[0].y, atol=1e-4)


def test_the_path_length_is_that_of_the_mean_over_layers_of_the_jacobian_by_each_style(made):
    batch = 2048
    styles = jnp.broadcast_to(APPLY(*made, Z, None, Mode())[0].extra[:1], (batch, 4, 6))

    def generate(styles, condition=None):
        return NETWORK.apply(*made, styles, condition, Mode())[0]

    game = make_game(lambda x: jnp.zeros(batch), jnp.zeros((batch, 4, 4, 3)), jnp.zeros((batch, 4, 4, 3)))
    game = game._replace(generator=generate, made=styles)
    term = regularizers.path_length(at=stylegan2.from_styles)

    @jax.jit
    def mean_square():
        terms, state = term.generator(game._replace(state=term.init()))
        return jnp.mean(terms) + state.mean**2  # the first average is the batch's own

    jacobian = jax.jit(jax.jacrev(lambda one: generate(one[None]).y[0]))(styles[0])
    assert mean_square() == pytest.approx(np.sum(np.square(jacobian)) / 16 / 4, rel=0.05)


def test_a_game_with_every_term_of_the_paper_trains_both_players_and_the_mean_style():
    nets = Players(stylegan2.critic(widths=(4, 3), depth=1), SMALL())
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 4, 3)).astype(np.float32)
    objective = add(
        adversarial=losses.non_saturating(),
        r1=every(16, penalties.r1()),
        path_length=every(4, regularizers.path_length(at=stylegan2.from_styles)),
    )
    before, after, metrics = played(nets, objective, Players(optax.sgd(0.01), optax.sgd(0.01)), x)
    assert all(np.isfinite(value) for value in metrics.values())
    moved = jax.tree.map(lambda old, new: float(np.abs(old - new).max()), before.params, after.params)
    assert all(size > 0 for size in jax.tree.leaves(moved)), moved
    assert np.abs(after.stats.generator["averages"]["style"]).max() > 0
    assert np.abs(after.ema.stats["averages"]["style"]).max() > 0


# ---- Settings


@pytest.mark.parametrize("side", [12, 16, 20, 28])
def test_sides_are_a_power_of_2_times_3_4_5_or_7(side):
    base = {12: 3, 16: 4, 20: 5, 28: 7}[side]
    generator = stylegan2.generator(widths=(4, 3, 2), size=6, depth=1, shape=(side, 2 * side, 1))
    critic = stylegan2.critic(widths=(4, 3, 2), group=2)
    z = jax.ShapeDtypeStruct((2, 5), jnp.float32)
    params, stats = jax.eval_shape(generator.init, jax.random.key(0), z, None)
    assert params["Synthesis_0"]["constant"].shape == (base, 2 * base, 4)
    images = jax.eval_shape(generator.apply, params, stats, z, None, Mode())[0].y
    assert images.shape == (2, side, 2 * side, 1)
    params, _ = jax.eval_shape(critic.init, jax.random.key(0), images, None)
    assert jax.eval_shape(critic.apply, params, {}, images, None, Mode())[0].shape == (2,)


@pytest.mark.parametrize("name", ["generator", "critic"])
def test_in_bfloat16_it_is_near_float32_under_a_derivative_too_and_its_ends_are_float32(name):
    (params, stats), (x, label) = variables(name), inputs(name)
    settings = SETTINGS | ({"size": 7, "shape": SHAPE} if name == "generator" else {"group": 2})
    networks = [getattr(stylegan2, name)(**settings, bfloat16=count) for count in (0, 2)]

    def results(network):
        def images_or_logits(params):
            return jax.tree.leaves(network.apply(params, stats, x, label, Mode())[0])[0]

        return images_or_logits(params), jax.grad(lambda params: jnp.sum(images_or_logits(params) ** 2))(params)

    full, half = (jax.jit(lambda network=network: results(network))() for network in networks)
    assert 0 < np.abs(half[0] - full[0]).max() < 0.03 * np.abs(full[0]).max()
    for one, other in zip(full, half, strict=True):
        assert {leaf.dtype for leaf in jax.tree.leaves(other)} == {jnp.dtype(jnp.float32)}
        assert optax.tree.norm(optax.tree.sub(other, one)) < 0.05 * optax.tree.norm(one)


def test_noise_and_mixed_styles_are_the_same_in_bfloat16():
    (params, stats), (z, label) = variables("generator"), inputs("generator")
    params = jax.tree.map(lambda leaf: leaf / 2 if leaf.ndim == 0 else leaf, params)  # the noise's strength
    network = stylegan2.generator(**SETTINGS, size=7, shape=SHAPE, mixing=1.0)

    def images(**settings):
        return network.apply(params, stats, z, label, Mode(train=True, **settings))[0].y

    full, half, plain = jax.jit(lambda: (images(keys=KEYS), images(keys=KEYS, dtype=jnp.bfloat16), images()))()
    assert np.linalg.norm(half - full) < 0.1 * np.linalg.norm(full)
    assert np.linalg.norm(plain - full) > 0.3 * np.linalg.norm(full)
