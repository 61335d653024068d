import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, strategies as st
from terms import PENALTIES
from toys import init_perceptron, linear, make_game, perceptron, terms_of

from gan_jax import penalties
from gan_jax.types import Array, Game, Params

every_penalty = pytest.mark.parametrize("name", PENALTIES)
IMAGE = (2, 3, 4)  # height, width, channels
SLOPE_5 = {  # gradients of length 5: of points, and of images over all of their pixels and channels
    "points": np.array([3.0, 4.0]),
    "images": 5 / np.sqrt(24) * np.where(np.arange(24).reshape(IMAGE) % 2, 1.0, -1.0),
}


def examples(shape: tuple[int, ...], batch: int, seed: int = 0) -> np.ndarray:
    """Real and fake, [2, batch, ...]."""
    return np.random.default_rng(seed).normal(size=(2, batch, *shape)).astype(np.float32)


def perceptron_game(params: Params, batch: int = 5) -> Game:
    return make_game(lambda x: perceptron(params, x)[:, 0], *examples(IMAGE, batch))


@functools.cache
def trained() -> Params:
    """A critic whose slopes are above 1, where no penalty is zero."""
    params = init_perceptron(jax.random.key(1), 24, 1)
    return {**params, "second": 4 * params["second"]}


@jax.jit
def penalties_of(params: Params) -> dict[str, Array]:
    game = perceptron_game(params)
    return {name: terms_of(penalty, "critic", game) for name, penalty in PENALTIES.items()}


OF_SLOPE_5 = {
    "r1": (penalties.r1(), 12.5),  # ½·5²
    "r2": (penalties.r2(), 12.5),
    "gradient_penalty": (penalties.gradient_penalty(), 16.0),  # (5 - 1)²
    "gradient_penalty towards 7": (penalties.gradient_penalty(7.0), 4.0),
    "gradient_penalty at real": (penalties.gradient_penalty(at=penalties.real_points), 16.0),
    "gradient_penalty at fake": (penalties.gradient_penalty(at=penalties.fake_points), 16.0),
    "lipschitz_penalty": (penalties.lipschitz_penalty(), 16.0),
    "lipschitz_penalty beyond 7": (penalties.lipschitz_penalty(7.0), 0.0),
    "dragan": (penalties.dragan(), 16.0),
}


@functools.cache
def of_linear_critics(kind: str, batch: int) -> dict[str, Array]:
    weight = SLOPE_5[kind]

    @jax.jit
    def values(real: Array, fake: Array) -> dict[str, Array]:
        game = make_game(linear(weight), real, fake)
        return {name: terms_of(penalty, "critic", game) for name, (penalty, _) in OF_SLOPE_5.items()}

    return values(*examples(weight.shape, batch))


@pytest.mark.parametrize("batch", [1, 2, 7])
@pytest.mark.parametrize("kind", SLOPE_5)
@pytest.mark.parametrize("name", OF_SLOPE_5)
def test_penalty_of_a_linear_critic_depends_on_its_slope_only(name, kind, batch):
    expected = np.full(batch, OF_SLOPE_5[name][1])
    np.testing.assert_allclose(of_linear_critics(kind, batch)[name], expected, rtol=1e-5)


def test_r1_of_linear_critic_is_half_squared_norm():
    game = make_game(linear([3.0, 4.0]), *examples((2,), 3))
    np.testing.assert_allclose(terms_of(penalties.r1(), "critic", game), [12.5] * 3, rtol=1e-6)


def test_drift_is_the_squared_logit_of_real_examples():
    game = make_game(linear([3.0, 4.0]), [[1.0, 0.0], [0.0, -2.0]], [[9.0, 9.0], [9.0, 9.0]])
    np.testing.assert_allclose(terms_of(penalties.drift(), "critic", game), [9.0, 64.0])


def test_r1_looks_at_real_and_r2_at_fake_examples():
    def critic(x: Array) -> Array:  # D(x) = x²/2, so ∇D(x) = x
        return 0.5 * jnp.sum(x**2, axis=1)

    game = make_game(critic, [[1.0], [2.0]], [[3.0], [4.0]])
    np.testing.assert_allclose(terms_of(penalties.r1(), "critic", game), [0.5, 2.0])
    np.testing.assert_allclose(terms_of(penalties.r2(), "critic", game), [4.5, 8.0])


@every_penalty
def test_generator_has_no_stake_in_a_penalty(name):
    assert PENALTIES[name].generator is None


@every_penalty
def test_penalty_is_one_float32_an_example(name):
    for penalty in jax.tree.leaves(penalties_of(trained())[name]):
        assert penalty.shape == (5,)
        assert penalty.dtype == jnp.float32


@jax.jit
def penalties_of_the_batch_twice(params: Params) -> dict[str, Array]:
    game = perceptron_game(params)
    parts = {name: getattr(game, name) for name in ("real", "fake", "logits", "keys")}
    game = game._replace(**jax.tree.map(lambda x: jnp.concatenate([x, x]), parts))
    return {name: terms_of(penalty, "critic", game) for name, penalty in PENALTIES.items()}


@every_penalty
def test_penalty_of_an_example_does_not_grow_with_the_batch(name):
    once = penalties_of(trained())[name]
    twice = penalties_of_the_batch_twice(trained())[name]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(b, np.concatenate([a, a]), rtol=1e-5), once, twice)


@pytest.mark.parametrize("shape", [(), (2,), IMAGE])
def test_interpolates_lie_on_the_segments_with_one_weight_an_example(shape):
    weight = penalties.interpolates(make_game(lambda x: x, np.ones((6, *shape)), np.zeros((6, *shape))))
    assert weight.shape == (6, *shape)
    flat = np.asarray(weight).reshape(6, -1)
    np.testing.assert_array_equal(flat, flat[:, :1] * np.ones_like(flat))
    assert len(np.unique(flat)) == 6
    assert (flat >= 0).all()
    assert (flat <= 1).all()
    real, fake = examples(shape, 6)
    points = penalties.interpolates(make_game(lambda x: x, real, fake))
    np.testing.assert_allclose(points, weight * real + (1 - weight) * fake, rtol=1e-5, atol=1e-6)


def test_interpolates_are_uniform_over_the_segment():
    weight = penalties.interpolates(make_game(lambda x: x, np.ones(4096), np.zeros(4096)))
    counts, _ = np.histogram(weight, 8, (0, 1))
    assert (np.abs(counts - 512) < 5 * 512**0.5).all()


@pytest.mark.parametrize("shape", [(2,), IMAGE])
def test_dragan_points_lie_within_half_a_standard_deviation_above_the_data(shape):
    real, fake = 3 + 0.5 * examples(shape, 64)
    noise = np.asarray(penalties.around_real(make_game(lambda x: jnp.zeros(len(x)), real, fake))) - real
    half = 0.5 * real.std()
    assert noise.min() >= -1e-5
    assert noise.max() <= half + 1e-5
    assert noise.max() > 0.95 * half
    np.testing.assert_allclose(noise.mean(), half / 2, rtol=0.15)
    assert len(np.unique(noise.reshape(64, -1)[:, 0])) == 64


def test_dragan_of_constant_data_has_no_noise():
    real = np.full((4, 2), 0.1, np.float32)  # its variance is a rounding error, which may be negative
    points = penalties.around_real(make_game(lambda x: jnp.zeros(len(x)), real, real))
    np.testing.assert_allclose(points, real, atol=1e-4)


@jax.jit
def means(params: Params) -> dict[str, Array]:
    return {name: sum(map(jnp.mean, jax.tree.leaves(terms))) for name, terms in penalties_of(params).items()}


@jax.jit
def gradients(params: Params) -> dict[str, Params]:
    """The gradient of each mean penalty with respect to the parameters."""
    return jax.jacrev(means)(params)


@pytest.mark.parametrize("name", [name for name in PENALTIES if name != "lecam"])  # whose averages have no gradient
@pytest.mark.parametrize("leaf", ["first", "bias", "second"])
def test_gradient_by_the_parameters_is_that_of_finite_differences_and_not_zero(name, leaf):
    params, h = trained(), 0.03
    kernel, gradient = params[leaf], gradients(params)[name][leaf]
    signs = np.random.default_rng(0).choice([-1.0, 1.0], kernel.shape)
    way = np.float32(signs / kernel.size**0.5)
    near, far = (
        means({**params, leaf: kernel + s * h * way})[name] - means({**params, leaf: kernel - s * h * way})[name]
        for s in (1, 2)
    )
    # central differences of the fourth order: their error is h⁴ times a fifth derivative
    np.testing.assert_allclose(np.vdot(gradient, way), (8 * near - far) / (12 * h), rtol=2e-3, atol=2e-5)
    assert np.abs(gradient).max() > 1e-4


@every_penalty
def test_constant_critic_gives_finite_gradients_by_its_parameters(name):
    nothing = jax.tree.map(jnp.zeros_like, trained())
    assert np.isfinite(means(nothing)[name])
    assert all(np.isfinite(leaf).all() for leaf in gradients(nothing)[name].values())


@pytest.mark.parametrize("name", ["gradient_penalty", "lipschitz_penalty", "dragan"])
def test_slopeless_linear_critic_gives_finite_gradients(name):
    def value(weight: Array) -> Array:
        return jnp.mean(terms_of(PENALTIES[name], "critic", make_game(linear(weight), *examples((2,), 3))))

    assert jnp.isfinite(jax.grad(value)(jnp.zeros(2))).all()


@given(exponent=st.floats(-16, 6))
def test_slope_is_unbiased_near_zero_and_far(exponent):
    length = 10.0**exponent
    weight = jnp.array([0.6, 0.8]) * length
    np.testing.assert_allclose(penalties.slope(linear(weight), jnp.ones((3, 2))), [length] * 3, rtol=1e-5)


def test_slope_has_the_unit_vector_for_gradient_and_zero_at_zero():
    def slope(weight: Array) -> Array:
        return penalties.slope(linear(weight), jnp.ones((1, 2)))[0]

    np.testing.assert_allclose(jax.grad(slope)(jnp.array([3e-6, 4e-6])), [0.6, 0.8], rtol=1e-5)
    np.testing.assert_array_equal(jax.grad(slope)(jnp.zeros(2)), [0.0, 0.0])


def test_penalty_by_the_parameters_and_cut_by_stop_gradient_trains_nothing_and_is_not_ours():
    real, fake = examples((2,), 8)

    def tutorial(weight: Array) -> Array:
        """The tutorial's gradient penalty."""
        by_parameters = jax.grad(lambda w: jnp.mean(linear(w)(fake)) - jnp.mean(linear(w)(real)))(weight)
        return (jnp.linalg.norm(jax.lax.stop_gradient(by_parameters)) - 1) ** 2

    def ours(weight: Array) -> Array:
        return jnp.mean(terms_of(penalties.gradient_penalty(), "critic", make_game(linear(weight), real, fake)))

    weight = jnp.array([3.0, 4.0])
    np.testing.assert_array_equal(jax.grad(tutorial)(weight), [0.0, 0.0])
    # d(‖w‖ - 1)² / dw = 2 (‖w‖ - 1) w / ‖w‖
    np.testing.assert_allclose(jax.grad(ours)(weight), [2 * 4 * 0.6, 2 * 4 * 0.8], rtol=1e-5)
    np.testing.assert_allclose(ours(weight), 16, rtol=1e-6)
    assert abs(tutorial(weight) - 16) > 1
    # theirs says nothing about the critic's slope
    np.testing.assert_allclose(tutorial(weight), tutorial(2 * weight), rtol=1e-6)
