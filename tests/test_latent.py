"""Directions, truncation, path length and inversion, on generators whose answers are known."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.tree_util import Partial

from gan_jax import latent, priors
from gan_jax.constraints import spectral_norm
from gan_jax.errors import UserError
from gan_jax.latent.directions import directions as as_directions
from gan_jax.latent.space import straight
from gan_jax.nets import biggan, convlstm, dcgan, gan3d, language, mlp, r3gan, radford, resnet, stylegan2, vgan, wavegan
from gan_jax.types import Mode, Network, Seen, Variables


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape)


ORTHOGONAL = np.linalg.qr(normal(5, 5))[0]
SPREADS = np.array([5.0, 3.0, 2.0, 1.0, 0.5])


def same_lines(a, b):
    """Whether rows of length 1 are the same up to their signs."""
    return np.abs(np.sum(np.asarray(a) * np.asarray(b), axis=-1))


def whitened(count: int, size: int) -> np.ndarray:
    """Rows of mean 0 and covariance I, exactly."""
    x = normal(count, size)
    return np.linalg.qr(x - x.mean(0))[0] * count**0.5


def test_principal_directions_of_latents_themselves_are_the_axes_of_their_ellipsoid():
    latents = 7 + whitened(200, 5) * SPREADS @ ORTHOGONAL.T
    found = latent.principal_directions(latents, latents, 5)
    np.testing.assert_allclose(same_lines(found.vectors, ORTHOGONAL.T), 1, rtol=1e-9)
    np.testing.assert_allclose(found.scales, SPREADS, rtol=1e-9)
    np.testing.assert_allclose(found.shares, SPREADS**2 / np.sum(SPREADS**2), rtol=1e-9)


@pytest.mark.parametrize("outputs", [8, 500])  # fewer and more than the latents
def test_principal_directions_of_z_are_those_that_a_linear_generator_stretches(outputs):
    z = whitened(200, 5)
    stretched = np.linalg.qr(normal(outputs, 5))[0]
    activations = 3 + (z @ ORTHOGONAL * SPREADS) @ stretched.T
    found = latent.principal_directions(z, activations.reshape(200, 2, -1), 3)
    np.testing.assert_allclose(same_lines(found.vectors, ORTHOGONAL.T[:3]), 1, rtol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(found.scales, 1, rtol=1e-9)
    np.testing.assert_allclose(found.shares, SPREADS[:3] ** 2 / np.sum(SPREADS**2), rtol=1e-9)


def test_the_blocks_of_activations_make_no_difference(monkeypatch):
    z = normal(20, 3)
    for outputs in (7, 50):
        activations = normal(20, outputs)
        whole = latent.principal_directions(z, activations, 3)
        with monkeypatch.context() as patch:
            patch.setattr("gan_jax.latent.directions.BLOCK", 6)
            for one, other in zip(whole, latent.principal_directions(z, activations, 3)):
                np.testing.assert_allclose(one, other, rtol=1e-9)


def test_the_largest_entry_of_a_direction_is_positive():
    vectors = as_directions(np.array([[1.0, -2.0], [0.5, 0.25]]), np.eye(2), np.ones(2)).vectors
    np.testing.assert_allclose(vectors, np.array([[-1, 2], [2, 1]]) / 5**0.5)


def test_factorised_directions_are_the_left_singular_vectors_of_the_kernel():
    kernel = ORTHOGONAL * SPREADS @ np.linalg.qr(normal(9, 5))[0].T
    found = latent.factorised_directions(2 * whitened(100, 5), kernel, 4)
    np.testing.assert_allclose(same_lines(found.vectors, ORTHOGONAL.T[:4]), 1, rtol=1e-9)
    np.testing.assert_allclose(found.scales, 2, rtol=1e-9)
    np.testing.assert_allclose(found.shares, SPREADS[:4] ** 2 / np.sum(SPREADS**2), rtol=1e-9)


def test_impossible_directions_are_refused():
    z = whitened(20, 5)
    with pytest.raises(UserError, match="3 directions: want 1 to 2, the number of independent"):
        latent.principal_directions(z, z[:, :2], 3)
    with pytest.raises(UserError, match="6 directions: want 1 to 5, the entries of a latent"):
        latent.principal_directions(z, whitened(20, 9), 6)
    with pytest.raises(UserError, match="0 directions: want 1 to 5, the number"):
        latent.factorised_directions(z, np.eye(5), 0)
    with pytest.raises(UserError, match="no directions can be found in NaN or infinity"):
        latent.principal_directions(z, z * np.array([1, np.nan, 1, 1, 1]), 1)
    with pytest.raises(UserError, match="20 latents and 7 activations: give 2 or more, and equally many"):
        latent.principal_directions(z, z[:7], 1)
    with pytest.raises(UserError, match=r"latents float32\[20, 5, 1\]: directions need one array \[N, D\]"):
        latent.principal_directions(z[..., None], z, 1)
    with pytest.raises(UserError, match=r"latents \{a: float32\[20, 5\]\}: directions need one array"):
        latent.factorised_directions({"a": z}, np.eye(5), 1)
    with pytest.raises(UserError, match="latents of 5 and a kernel of 4 inputs"):
        latent.factorised_directions(z, np.eye(4), 1)


DENSE = "Dense_0"
FAMILIES = {  # a generator, and the names of the kernels that the latent enters
    "mlp": (functools.partial(mlp.generator, (3, 2), width=8, depth=2), [DENSE]),
    "dcgan": (functools.partial(dcgan.generator, width=2, shape=(8, 12, 1)), [DENSE]),
    "radford": (functools.partial(radford.generator, width=2, shape=(16, 16, 3)), [DENSE]),
    "resnet": (functools.partial(resnet.generator, width=4, shape=(8, 16, 3)), [DENSE]),
    "r3gan": (functools.partial(r3gan.generator, widths=(4, 2), blocks=1, group_size=2, shape=(6, 8, 3)), [DENSE]),
    "vgan": (functools.partial(vgan.generator, width=2, shape=(4, 16, 16, 1)), [DENSE]),
    "gan3d": (functools.partial(gan3d.generator, width=2, side=16), [DENSE]),
    "language": (functools.partial(language.generator, width=4, shape=(4, 5)), [DENSE]),
    "wavegan": (functools.partial(wavegan.generator, width=2, length=1024), [DENSE]),
    "convlstm": (
        functools.partial(convlstm.generator, width=2, shape=(4, 32, 32, 1)),
        ["Dense_0", "Dense_1", "Dense_2"],
    ),
    "sagan": (
        functools.partial(biggan.generator, widths=(4, 4), attention=(4,), hierarchical=False, shape=(4, 8, 3)),
        [DENSE],
    ),
}
CLASSES, LABEL = 4, jnp.array([2])


def made(network: Network, size: int, label) -> Variables:
    """Random variables, so that no kernel is 0."""
    shapes = jax.eval_shape(network.init, jax.random.key(0), jnp.zeros((1, size)), label)
    random = np.random.default_rng(0)
    draw = lambda leaf: jnp.asarray(0.1 + np.abs(random.normal(size=leaf.shape)), leaf.dtype)  # noqa: E731
    return Variables(*jax.tree.map(draw, shapes))


def kernels_of(network: Network, variables: Variables, size: int, label) -> list[np.ndarray]:
    space = latent.z_space(network, variables, priors.normal(size))
    return latent.first_kernels(lambda z: space.generate(z, None, label), size)


UNCONDITIONAL = ["gan3d", "wavegan", "language"]


@pytest.mark.parametrize(
    ("family", "classes"),
    [(family, 0) for family in FAMILIES] + [(family, CLASSES) for family in FAMILIES if family not in UNCONDITIONAL],
)
def test_the_first_kernels_of_every_family_are_found_in_its_program(family, classes):
    make, names = FAMILIES[family]
    network, label = make(classes=classes) if classes else make(), LABEL if classes else None
    variables = made(network, 6, label)
    found = kernels_of(network, variables, 6, label)
    assert len(found) == len(names)
    for kernel, name in zip(found, names):
        np.testing.assert_allclose(kernel, variables.params[name]["kernel"][:6], rtol=1e-6)


def test_each_chunk_of_bigGANs_latent_has_the_kernels_of_its_own_block():
    network = biggan.generator(widths=(4, 4, 2), attention=(), embedding=5, classes=CLASSES, shape=(8, 8, 3))
    variables = made(network, 6, LABEL)
    first, *blocks = kernels_of(network, variables, 6, LABEL)
    np.testing.assert_allclose(first[:2], variables.params[DENSE]["kernel"], rtol=1e-6)
    np.testing.assert_array_equal(first[2:], 0)
    assert len(blocks) == 2 * 2 * 2  # blocks, norms of each, and their scales and biases
    for at, kernel in enumerate(blocks):
        inputs = np.arange(6) // 2 == 1 + at // 4
        assert np.all(kernel[inputs] != 0)
        np.testing.assert_array_equal(kernel[~inputs], 0)


def test_spectral_norm_divides_the_kernels():
    network = spectral_norm(mlp.generator((3,), width=8, depth=1))
    params, stats = jax.jit(network.init)(jax.random.key(0), jnp.zeros((1, 6)), None)
    (kernel,) = kernels_of(network, Variables(params, stats), 6, None)
    (given,) = kernels_of(mlp.generator((3,), width=8, depth=1), Variables(params, {}), 6, None)
    ratio = given / kernel
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)
    assert abs(ratio[0, 0] - 1) > 0.01


STYLED = stylegan2.generator(widths=(4, 2), size=6, depth=1, shape=(6, 8, 3))


def test_styles_enter_the_affine_layers_of_stylegan2_and_z_none():
    variables = made(STYLED, 6, None)
    with pytest.raises(UserError, match=r"no layer takes these latents as they are: .*use its styles"):
        kernels_of(STYLED, variables, 6, None)
    space = latent.style_space(STYLED, variables, priors.normal(6))
    found = latent.first_kernels(lambda w: space.generate(w, None, None), 6)
    layers = variables.params["Synthesis_0"]
    names = ["Modulated_0", "ToRGB_0", "Modulated_1", "Modulated_2", "ToRGB_1"]
    for kernel, name in zip(found, names, strict=True):
        np.testing.assert_allclose(kernel, layers[name]["Dense_0"]["kernel"] / 6**0.5, rtol=1e-6)


@pytest.mark.parametrize(
    "of",
    [
        lambda z, kernel: jnp.tanh(jnp.concatenate([jnp.ones((1, 1)), z[:, ::-1]], 1)[:, 1:] / 2 @ kernel),
        lambda z, kernel: jax.checkpoint(lambda z: jnp.tanh(0.5 * z[:, ::-1] @ kernel))(z),
        lambda z, kernel: jnp.tanh(jnp.where(jnp.arange(3) > -1, -z, 0)[:, jnp.array([2, 1, 0])] @ (-kernel / 2)),
        lambda z, kernel: jnp.einsum("oi,bi->bo", kernel.T, z[:, ::-1].reshape(1, 3) - 1) ** 2 / 2 + jnp.sum(z**2),
    ],
)
def test_moves_and_scales_before_the_kernel_belong_to_it(of):
    kernel = jnp.arange(6.0).reshape(3, 2)
    (found,) = latent.first_kernels(lambda z: of(z, kernel), 3)
    half = 1 if "einsum" in of.__code__.co_names else 0.5
    np.testing.assert_allclose(found, half * kernel[::-1], rtol=1e-6)


@pytest.mark.parametrize(
    "first",
    [
        *(jnp.tanh, jnp.round, lambda z: z**2, lambda z: z * z, lambda z: 1 / z, lambda z: z @ z.T),
        *(lambda z: jnp.eye(3)[z.astype(int)[0]], lambda z: jnp.where(z.astype(bool), 1.0, 0.0)),
    ],
)
def test_a_nonlinear_function_before_the_kernel_hides_it(first):
    with pytest.raises(UserError, match="no layer takes these latents"):
        latent.first_kernels(lambda z: first(z) @ jnp.ones((first(z).shape[1], 2)), 3)


def test_later_products_of_the_latents_with_a_layers_outputs_are_no_kernels():
    kernel = 1 + jnp.arange(9.0).reshape(3, 3)
    (found,) = latent.first_kernels(lambda z: (z * (z @ kernel)) @ (2 * kernel), 3)
    np.testing.assert_allclose(found, kernel)


@jax.jit
def drawn(space, keys):
    return space.draw(keys, None)


@jax.jit
def generated(space, latents, keys):
    return space.generate(latents, keys, None)


def test_a_space_draws_and_generates_what_the_network_does():
    variables = made(STYLED, 6, None)
    keys = jax.random.split(jax.random.key(0), 3)
    in_z, in_styles = (make(STYLED, variables, priors.normal(6)) for make in (latent.z_space, latent.style_space))
    z, styles = drawn(in_z, keys), drawn(in_styles, keys)
    (y, extra), _ = jax.jit(STYLED.apply)(*variables, z, None, Mode(keys=keys))
    np.testing.assert_allclose(generated(in_z, z, keys), y, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(styles, extra[:, 0], rtol=1e-5)
    for given in (styles, extra):
        np.testing.assert_allclose(generated(in_styles, given, keys), y, rtol=1e-5, atol=1e-5)


def test_ways_between_styles_are_straight():
    shares = np.float32([0, 0.25, 1])
    starts = jnp.asarray(normal(3, 2, 4))
    between = straight(starts, 3 * starts, jnp.asarray(shares))
    np.testing.assert_allclose(between, np.asarray(starts) * (1 + 2 * shares)[:, None, None], rtol=1e-6)


def test_a_generator_without_styles_has_no_space_of_them():
    network = mlp.generator(width=4)
    space = latent.style_space(network, made(network, 6, None), priors.normal(6))
    with pytest.raises(UserError, match=r"Output.extra is None, not styles \[B, layers, size\]: use its z"):
        space.draw(jax.random.split(jax.random.key(0), 2), None)


def circle(key):
    """A random point of the unit circle."""
    angle = jax.random.uniform(key, maxval=2 * jnp.pi)
    return jnp.stack([jnp.cos(angle), jnp.sin(angle)])


def linear_space(kernel, prior, between) -> latent.Space:
    def draw(keys, condition):
        z = jax.vmap(prior)(keys)
        return z if condition is None else z * condition[:, None]

    return latent.Space(draw, between, lambda z, keys, condition: z @ kernel)


def flat(x) -> Seen:
    return Seen(x.reshape(len(x), -1))


def test_the_path_length_of_a_linear_generator_is_the_mean_squared_length_of_its_lines():
    kernel = jnp.asarray(normal(5, 4), jnp.float32)
    space = linear_space(kernel, priors.normal(5), straight)
    length = latent.perceptual_path_length(space, lambda x: Seen(3 * x), jax.random.key(0), 20_000)
    lengths = 2 * 9 * np.sum((normal(20_000, 5) @ np.asarray(kernel)) ** 2, 1)  # a difference of two
    trimmed = lengths[(lengths >= np.percentile(lengths, 1)) & (lengths <= np.percentile(lengths, 99))]
    np.testing.assert_allclose(length, trimmed.mean(), rtol=0.03)


def test_the_path_length_in_z_is_the_mean_squared_angle_of_its_arcs():
    space = linear_space(jnp.eye(2), circle, latent.z_space(None, None, None).between)
    length = latent.perceptual_path_length(space, flat, jax.random.key(0), 20_000)
    low, high = 0.01 * np.pi, 0.99 * np.pi  # angles are uniform from 0 to π
    np.testing.assert_allclose(length, (high**3 - low**3) / (3 * (high - low)), rtol=0.03)


def test_both_ends_of_a_step_have_the_same_noise_and_their_number_decides_nothing_else():
    def noisy(z, keys, condition):
        return z + 100 * jax.vmap(jax.random.normal)(keys)[:, None] + 100 * condition[:, None]

    line = linear_space(jnp.eye(2), lambda key: jnp.ones(2), lambda starts, ends, shares: starts * shares[:, None])
    length = latent.perceptual_path_length(
        line._replace(generate=noisy), flat, jax.random.key(0), 65, np.arange(1.0, 66.0), epsilon=0.5
    )
    np.testing.assert_allclose(length, 2 * np.mean(np.arange(1.0, 66.0) ** 2), rtol=1e-3)


def test_the_mean_latent_is_that_of_all_draws_and_conditions():
    space = linear_space(None, lambda key: jnp.ones(3), straight)
    key = jax.random.key(0)
    np.testing.assert_allclose(latent.mean_latent(space, key, 130, np.arange(130.0)), [129 / 2] * 3)
    np.testing.assert_allclose(latent.mean_latent(space, key, 130, np.array([2.0, 4.0])), [3] * 3)
    gaussian = space._replace(draw=Partial(lambda keys, _: jax.vmap(priors.normal(3))(keys)))
    np.testing.assert_allclose(latent.mean_latent(gaussian, key), 0, atol=0.05)  # five standard errors
    with pytest.raises(UserError, match="0 latents: draw 1 or more"):
        latent.mean_latent(gaussian, key, 0)
    with pytest.raises(UserError, match="0 latents: draw 1 or more"):
        latent.perceptual_path_length(gaussian, flat, key, 0)


def test_truncation_moves_latents_towards_the_mean():
    latents, mean = jnp.asarray(normal(2, 3)), jnp.arange(3.0)
    for psi in (0.0, 0.5, 1.0, -1.0):
        near = latent.toward_mean(latents, mean, psi)
        np.testing.assert_allclose(near - mean[None], psi * (latents - mean[None]), rtol=1e-5, atol=1e-6)


def test_truncated_styles_give_what_the_truncated_network_does():
    variables = made(STYLED, 6, None)
    space = latent.style_space(STYLED, variables, priors.normal(6))
    z, keys = jnp.asarray(normal(3, 6), jnp.float32), jax.random.split(jax.random.key(0), 3)
    whole = jax.jit(lambda z: stylegan2.truncated(STYLED, 0.3).apply(*variables, z, None, Mode(keys=keys))[0].y)(z)
    styles = jax.jit(STYLED.apply)(*variables, z, None, Mode())[0].extra[:, 0]
    near = latent.toward_mean(styles, variables.stats["averages"]["style"], 0.3)
    np.testing.assert_allclose(generated(space, near, keys), whole, rtol=1e-4, atol=1e-4)


PERCEPTRON = mlp.generator((4, 4, 1), width=32, depth=2)


def inverted(target_z, starts, **options):
    variables = Variables(*PERCEPTRON.init(jax.random.key(0), jnp.zeros((1, 4)), None))
    space = latent.z_space(PERCEPTRON, variables, priors.normal(4))
    of = Partial(space.generate, keys=None, condition=None)
    return list(latent.invert(of, of(target_z[None])[0], starts, **options)), of


def test_inversion_finds_the_latents_of_a_sample_from_some_start():
    target, *starts = jnp.asarray(normal(9, 4), jnp.float32)
    found, of = inverted(target, jnp.stack(starts), look=flat, steps=300, every=100)
    last = found[-1]
    np.testing.assert_allclose(last.latents[last.best], target, atol=1e-3)
    np.testing.assert_allclose(last.samples, of(last.latents), rtol=1e-5, atol=1e-6)
    assert last.losses.shape == (8,)
    assert last.losses[last.best] == last.losses.min() < 1e-6 < found[0].losses.min() / 1000


def test_the_steps_of_an_inversion_fall_from_the_rate_to_0_along_half_a_cosine():
    found = list(latent.invert(lambda z: z, jnp.array([9.0]), jnp.zeros((1, 1)), rate=0.1, steps=4, every=1))
    moved = np.diff([float(each.latents[0, 0]) for each in found])
    np.testing.assert_allclose(moved, [0.05 * (1 + np.cos(np.pi * step / 4)) for step in range(4)], rtol=0.02)


def test_each_start_is_inverted_by_itself():
    target, *starts = jnp.asarray(normal(4, 4), jnp.float32)
    together, _ = inverted(target, jnp.stack(starts), steps=20)
    for at, start in enumerate(starts):
        alone, _ = inverted(target, start[None], steps=20)
        np.testing.assert_allclose(together[-1].latents[at], alone[-1].latents[0], rtol=1e-4, atol=1e-5)


def test_inversion_reports_the_start_and_every_so_many_steps():
    target, start = jnp.asarray(normal(2, 4), jnp.float32)
    found, _ = inverted(target, start[None], steps=7, every=3)
    assert [each.step for each in found] == [0, 3, 6, 7]
    np.testing.assert_array_equal(found[0].latents, start[None])
    assert [each.step for each in inverted(target, start[None], steps=6, every=3)[0]] == [0, 3, 6]
    at_once, _ = inverted(target, start[None], steps=7, every=100)
    np.testing.assert_allclose(at_once[-1].latents, found[-1].latents, rtol=1e-5)
    with pytest.raises(UserError, match="0 steps, every 50: both must be 1 or more"):
        inverted(target, start[None], steps=0)


def test_the_loss_is_the_sum_of_both_relative_distances():
    def of(z):
        return {"a": z, "b": 2 * z}

    goal = {"a": np.float32([3, 0]), "b": np.float32([0, 4])}
    looked = lambda x: Seen(x["a"][:, :1])  # noqa: E731
    first = next(latent.invert(of, goal, jnp.array([[1.0, 1.0], [3.0, 0.0]]), looked, weight=2.0))
    by_hand = [4 / 9 + 2 * (4 + 1 + 4 + 4) / 25, 2 * (36 + 16) / 25]
    np.testing.assert_allclose(first.losses, by_hand, rtol=1e-6)


def test_inversion_keeps_latents_plausible():
    target = 100 * jnp.ones(4)
    draws = jax.random.uniform(jax.random.key(0), (50, 4), minval=-1.0)
    found = list(latent.invert(lambda z: z, target, jnp.zeros((2, 4)), keep=latent.within(draws), rate=1.0))
    assert np.abs(found[-1].latents).max() <= 1
    assert np.linalg.norm(found[-1].latents, axis=1).max() <= np.linalg.norm(draws, axis=1).max() + 1e-5


def test_plausible_latents_are_kept_and_others_are_moved_to_the_nearest_length_and_range():
    draws = jnp.array([[3.0, 0.0], [0.0, -4.0], [-3.0, 0.0], [0.0, 4.0]])
    keep = latent.within(draws)
    for given, kept in (([0, 3.5], [0, 3.5]), ([0, 1], [0, 3]), ([0, 8], [0, 4]), ([3.5, 0], [3, 0]), ([0, 0], [0, 0])):
        np.testing.assert_allclose(keep(jnp.array([given], jnp.float32)), [kept], rtol=1e-6)
    layered = latent.within({"w": draws})({"w": jnp.array([[[0.0, 1.0], [0.0, 8.0], [1.0, 0.0]]])})["w"]
    np.testing.assert_allclose(layered, [[[0, 3], [0, 4], [3, 0]]], rtol=1e-6)
