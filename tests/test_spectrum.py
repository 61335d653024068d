"""The Jacobian of a field, on games whose Jacobian is known."""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax import spectrum
from gan_jax.dynamics import chain, consensus, gradient
from gan_jax.errors import UserError
from gan_jax.types import Array, Field, Players

SIZE = 6
PARAMS = Players({"w": jnp.arange(4.0), "b": jnp.ones((1, 2))}, jnp.linspace(-1.0, 1.0, SIZE))


def quadratic() -> tuple[Field, np.ndarray]:
    """A quadratic game's field, and its Jacobian; the players' own curvatures make it stable."""
    rng = np.random.default_rng(0)
    a, b, own = rng.normal(size=(SIZE, SIZE)), rng.normal(size=(SIZE, SIZE)), np.diag(rng.uniform(0.5, 1.0, SIZE))

    def losses(params: Players[Array]) -> Players[Array]:
        critic, generator = jnp.concatenate([params.critic["b"][0], params.critic["w"]]), params.generator
        return Players(
            critic @ own @ critic / 2 + critic @ jnp.asarray(a) @ generator,
            generator @ own @ generator / 2 + generator @ jnp.asarray(b) @ critic,
        )

    return gradient(losses), np.block([[own, a], [b, own]])


def rotation(params: Players[Array]) -> Players[Array]:
    value = params.critic @ params.generator
    return Players(-value, value)


POINT = Players(jnp.array([0.3, -0.4]), jnp.array([0.5, 0.1]))


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def wide(params: Players[Array]) -> Players[Array]:
    return jax.tree.map(lambda x: np.asarray(x, np.float64), params)


def flat(tree: Players[Array]) -> np.ndarray:
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


def test_the_jacobian_of_a_quadratic_game_is_its_matrix():
    field, expected = quadratic()
    np.testing.assert_allclose(spectrum.jacobian(field, wide(PARAMS)), expected, rtol=1e-12)


def test_products_with_the_jacobian_and_its_transpose():
    field, matrix = quadratic()
    direction = jax.tree.map(np.cos, wide(PARAMS))
    forward = spectrum.jacobian_product(field, wide(PARAMS), direction)
    back = spectrum.transposed_product(field, wide(PARAMS), direction)
    np.testing.assert_allclose(flat(forward), matrix @ flat(direction), rtol=1e-12)
    np.testing.assert_allclose(flat(back), matrix.T @ flat(direction), rtol=1e-12)
    assert jax.tree.map(jnp.shape, forward) == jax.tree.map(jnp.shape, PARAMS) == jax.tree.map(jnp.shape, back)


def test_the_eigenvalues_of_a_quadratic_game_are_those_of_its_matrix():
    field, matrix = quadratic()
    expected = np.sort_complex(np.linalg.eigvals(matrix))
    np.testing.assert_allclose(spectrum.eigenvalues(field, wide(PARAMS)), expected, rtol=1e-10)


def test_the_spectral_radius_of_a_step_follows_from_the_eigenvalues():
    field, _ = quadratic()
    params, rate, steps = wide(PARAMS), 0.05, 2000

    def step(params: Players[Array], _: None) -> tuple[Players[Array], Array]:
        moved = jax.tree.map(lambda p, v: p - rate * v, params, field(params))
        norm = jnp.sqrt(sum(jnp.sum(x**2) for x in jax.tree.leaves(moved)))
        return jax.tree.map(lambda x: x / norm, moved), norm

    norms = jax.jit(lambda params: jax.lax.scan(step, params, length=steps)[1])(params)
    expected = np.abs(1 - rate * spectrum.eigenvalues(field, params)).max()
    assert np.exp(np.mean(np.log(norms[steps // 2 :]))) == pytest.approx(expected, rel=1e-3)


def test_the_dirac_gans_eigenvalues_at_its_equilibrium_are_half_i_and_minus_half_i():
    """±f'(0) i with f(t) = -log(1 + exp(-t)). Mescheder 2018, section 2."""

    def losses(params: Players[Array]) -> Players[Array]:
        logit = params.critic * params.generator
        return Players(jax.nn.softplus(logit), jax.nn.softplus(-logit))

    zero = Players(jnp.zeros(()), jnp.zeros(()))
    np.testing.assert_allclose(spectrum.eigenvalues(gradient(losses), zero), [-0.5j, 0.5j], atol=1e-12)


def minimum(params: Players[Array]) -> Players[Array]:
    return Players(jnp.sum(params.critic**2), jnp.sum(params.generator**2))


def maximum(params: Players[Array]) -> Players[Array]:
    return jax.tree.map(jnp.negative, minimum(params))


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (gradient(rotation), np.pi / 2),
        (gradient(minimum), 0.0),
        (gradient(maximum), np.pi),
        (
            chain(gradient, consensus(1.0))(rotation),
            np.pi / 4,
        ),  # (1 + i) v, and its consensus direction (1 - i)(1 + i) v
    ],
    ids=["a turn", "a minimum", "a maximum", "a spiral"],
)
def test_the_angle_between_the_field_and_the_consensus_direction(field, expected):
    assert float(spectrum.consensus_angle(field, wide(POINT))) == pytest.approx(expected, abs=1e-7)


def test_ritz_values_of_a_whole_space_are_the_eigenvalues():
    field, _ = quadratic()
    params = wide(PARAMS)
    found = spectrum.ritz_values(field, params, jax.random.key(0), 2 * SIZE)
    np.testing.assert_allclose(found, spectrum.eigenvalues(field, params), rtol=1e-8)


def test_ritz_values_find_the_outermost_eigenvalue_by_few_products():
    own = jnp.concatenate([jnp.linspace(0.0, 1.0, 400), jnp.array([3.0])])

    def losses(params: Players[Array]) -> Players[Array]:
        value = params.critic @ params.generator
        return Players(own @ params.critic**2 / 2 - value, value)

    params = Players(jnp.ones(401), jnp.ones(401))
    found = spectrum.ritz_values(gradient(losses), params, jax.random.key(0), 20)
    expected = np.linalg.eigvals(np.array([[3.0, -1.0], [1.0, 0.0]])).max()
    assert len(found) == 20
    assert found[-1] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("losses", "expected"), [(minimum, [2.0]), (rotation, [-1j, 1j])], ids=["minimum", "turn"])
def test_a_krylov_space_that_is_complete_early_gives_fewer_ritz_values(losses, expected):
    found = spectrum.ritz_values(gradient(losses), wide(POINT), jax.random.key(0), 4)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("size", [0, 2 * SIZE + 1])
def test_a_krylov_space_of_a_wrong_size_is_refused(size):
    with pytest.raises(UserError, match=f"size {size}: it must be 1 or more, and at most 12"):
        spectrum.ritz_values(quadratic()[0], wide(PARAMS), jax.random.key(0), size)


def test_ritz_values_without_matfree_name_the_extra(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install gan-jax\[spectrum\]"):
        spectrum.ritz_values(quadratic()[0], wide(PARAMS), jax.random.key(0), 2)
