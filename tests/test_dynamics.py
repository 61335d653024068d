"""Every method on games whose path is known: a step multiplies a linear game's parameters by a matrix."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from gan_jax.dynamics import (
    Method,
    chain,
    consensus,
    extragradient,
    gradient,
    heun,
    lookahead,
    moved,
    runge_kutta,
    symplectic,
    unrolled,
)
from gan_jax.types import Array, Losses, Params, Players

RATE, STEPS = 0.2, 40
START = Players(0.6, 0.8)
TURN = np.array([[0.0, -1.0], [1.0, 0.0]])  # the Jacobian of the bilinear game: the number i
ONE = np.eye(2)


@pytest.fixture(autouse=True)
def in_float64():
    with jax.enable_x64(True):
        yield


def bilinear(params: Players[Array]) -> Players[Array]:
    """The Dirac-GAN with a linear loss (WGAN): the critic wants ψθ large, the generator small."""
    value = params.critic * params.generator
    return Players(-value, value)


def damped(params: Players[Array]) -> Players[Array]:
    """Both players have a cost of their own too: the Jacobian is not normal."""
    turn = bilinear(params)
    return Players(turn.critic + 0.3 * params.critic**2, turn.generator + 0.1 * params.generator**2)


DAMPED = TURN + np.diag([0.6, 0.2])


def taylor(matrix: np.ndarray, order: int) -> np.ndarray:
    """The matrix F of Runge and Kutta's field: 1 - hF is the exponential of -hJ to this order."""
    term, total = matrix, matrix
    for power in range(2, order + 1):
        term = term @ matrix * -RATE / power
        total = total + term
    return total


def after_critic(turns: int) -> Callable[[np.ndarray], np.ndarray]:
    """Of the bilinear game: the critic's reply is ψ + KRθ, so the generator's loss is ψθ + KRθ²."""
    return lambda matrix: matrix + np.array([[0.0, 0.0], [0.0, 2 * turns * RATE]])


def ode_gan(weight: float) -> Method:
    """ODE-GAN: Runge and Kutta's method, where the critic also flattens the generator's loss. Qin 2020."""

    def flattening(losses: Losses) -> Losses:
        def flat(params: Players[Params]) -> Players[Array]:
            both = losses(params)
            slope = gradient(losses)(params).generator
            return both._replace(critic=both.critic + weight * optax.tree.norm(slope, squared=True))

        return flat

    return chain(flattening, gradient, runge_kutta(RATE))


# name: method, and the matrix of its field from the game's Jacobian. The unrolled one is of the bilinear game alone.
METHODS: dict[str, tuple[Method, Callable[[np.ndarray], np.ndarray]]] = {
    "gradient": (gradient, lambda j: j),
    "extragradient": (chain(gradient, extragradient(RATE)), lambda j: j @ (ONE - RATE * j)),
    "heun": (chain(gradient, heun(RATE)), lambda j: taylor(j, 2)),
    "runge_kutta": (chain(gradient, runge_kutta(RATE)), lambda j: taylor(j, 4)),
    "consensus": (chain(gradient, consensus(0.7)), lambda j: (ONE + 0.7 * j.T) @ j),
    "symplectic": (chain(gradient, symplectic(0.7)), lambda j: (ONE + 0.35 * (j.T - j)) @ j),
    "heun of consensus": (
        chain(gradient, consensus(0.7), heun(RATE)),
        lambda j: taylor((ONE + 0.7 * j.T) @ j, 2),
    ),
    "consensus of heun": (
        chain(gradient, heun(RATE), consensus(0.7)),
        lambda j: (ONE + 0.7 * taylor(j, 2).T) @ taylor(j, 2),
    ),
}
OF_UNROLLED: dict[str, tuple[Method, Callable[[np.ndarray], np.ndarray]]] = {
    "unrolled": (chain(unrolled(5, RATE), gradient), after_critic(5)),
    "symplectic of unrolled": (
        chain(unrolled(3, RATE), gradient, symplectic()),
        lambda j: (ONE + (after_critic(3)(j).T - after_critic(3)(j)) / 2) @ after_critic(3)(j),
    ),
    "ODE-GAN": (ode_gan(0.3), lambda j: taylor(j + np.array([[0.6, 0.0], [0.0, 0.0]]), 4)),
}


Carry = tuple[Players[Any], Any]  # parameters, and the optimisers' states


def first(params: Players[Any], optimizer: Any) -> Carry:
    return params, [optimizer.init(p) for p in params]


def step(method: Method, losses: Losses, optimizer: Any, carry: Carry) -> Carry:
    params, states = carry
    moves = [optimizer.update(*given) for given in zip(method(losses)(params), states, params)]
    return Players(*(optax.apply_updates(p, move) for p, (move, _) in zip(params, moves))), [s for _, s in moves]


def path(method: Method, losses: Losses, optimizer: Any = None, steps: int = STEPS) -> np.ndarray:
    """The players' parameters after each step: [steps, 2]."""
    optimizer = optimizer or optax.sgd(RATE)

    def stacked(carry: Carry, _: None) -> tuple[Carry, Array]:
        carry = step(method, losses, optimizer, carry)
        return carry, jnp.stack(carry[0])

    carry = first(jax.tree.map(jnp.float64, START), optimizer)
    return np.asarray(jax.jit(lambda carry: jax.lax.scan(stacked, carry, length=steps)[1])(carry))


def powers(step: np.ndarray, steps: int = STEPS) -> np.ndarray:
    """Of the start, by a step's matrix: [steps, 2]."""
    return np.stack([np.linalg.matrix_power(step, n + 1) @ np.array(START) for n in range(steps)])


@pytest.mark.parametrize("name", METHODS | OF_UNROLLED)
def test_a_method_takes_the_path_on_the_linear_dirac_gan_that_its_closed_form_gives(name):
    method, matrix = (METHODS | OF_UNROLLED)[name]
    np.testing.assert_allclose(path(method, bilinear), powers(ONE - RATE * matrix(TURN)), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_takes_the_path_on_a_quadratic_game_that_its_closed_form_gives(name):
    method, matrix = METHODS[name]
    np.testing.assert_allclose(path(method, damped), powers(ONE - RATE * matrix(DAMPED)), rtol=1e-12, atol=1e-14)


FACTORS = {  # of the radius in the linear Dirac-GAN, for h of the rate
    "gradient": lambda h: abs(1 - 1j * h),
    "extragradient": lambda h: abs(1 - 1j * h + (1j * h) ** 2),
    "heun": lambda h: abs(1 - 1j * h + (1j * h) ** 2 / 2),
    "runge_kutta": lambda h: abs(1 - 1j * h + (1j * h) ** 2 / 2 - (1j * h) ** 3 / 6 + (1j * h) ** 4 / 24),
    "consensus": lambda h: abs(1 - h * (0.7 + 1j)),
    "symplectic": lambda h: abs(1 - h * (0.7 + 1j)),
}


@pytest.mark.parametrize("name", FACTORS)
def test_the_radius_shrinks_or_grows_by_the_modulus_of_the_methods_polynomial(name):
    radius = np.linalg.norm(path(METHODS[name][0], bilinear), axis=1)
    np.testing.assert_allclose(radius, FACTORS[name](RATE) ** np.arange(1, STEPS + 1), rtol=1e-12)


def test_the_plain_field_escapes_and_every_other_but_heuns_converges():
    """Heun's method is unstable on every pure turn, since |1 - ih - h²/2|² = 1 + h⁴/4."""
    assert {name for name in FACTORS if FACTORS[name](RATE) > 1} == {"gradient", "heun"}


def matrix_game() -> tuple[Losses, np.ndarray]:
    """cᵀ A g with A of 3 by 3, and A's singular values."""
    a = np.random.default_rng(0).normal(size=(3, 3))
    a *= 0.5 / RATE / np.linalg.norm(a, 2)

    def losses(params: Players[Array]) -> Players[Array]:
        value = params.critic @ a @ params.generator
        return Players(-value, value)

    return losses, np.linalg.svd(a, compute_uv=False)


def factor(losses: Losses, method: Method, optimizer: Any) -> float:
    """The spectral radius of a step from parameters and states [3] to the next, which is linear."""
    carry = first(Players(jnp.ones(3), jnp.ones(3)), optimizer)
    for _ in range(2):  # past the first, where optimism has no past
        carry = step(method, losses, optimizer, carry)
    flat, unravel = ravel_pytree(carry)
    jacobian = jax.jacfwd(lambda flat: ravel_pytree(step(method, losses, optimizer, unravel(flat)))[0])(flat)
    return float(np.abs(np.linalg.eigvals(jacobian)).max())


def test_extragradient_contracts_a_bilinear_game_by_its_exact_factor():
    losses, singular = matrix_game()
    z = 1j * RATE * singular
    expected = np.abs(1 - z + z**2).max()
    assert expected < 1
    found = factor(losses, chain(gradient, extragradient(RATE)), optax.sgd(RATE))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_optaxs_optimistic_descent_contracts_a_bilinear_game_by_its_exact_factor():
    """A step from z to z - 2hv(z) + hv(before): the roots of x² - (1 - 2ihσ) x - ihσ. Daskalakis 2018."""
    losses, singular = matrix_game()
    z = 1j * RATE * singular
    expected = max(np.abs(np.roots([1, -(1 - 2 * s), -s])).max() for s in z)
    assert expected < 1
    found = factor(losses, gradient, optax.optimistic_gradient_descent(RATE))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_optimistic_adam_converges_where_adam_does_not():
    plain = optax.adam(0.01, b1=0.0, b2=0.99)
    optimistic = optax.optimistic_adam_v2(0.01, b1=0.0, b2=0.99)
    ends = [np.linalg.norm(path(gradient, bilinear, optimizer, 4000)[-1]) for optimizer in (plain, optimistic)]
    assert ends[1] < 0.05 < 0.25 < ends[0]


def test_lookahead_of_both_players_takes_the_path_of_its_closed_form():
    """After k steps by M from z, both go to z + α (Mᵏ - 1) z. Chavdarova 2021, section 4."""
    period, part = 5, 0.4
    inner = ONE - RATE * TURN
    outer = ONE + part * (np.linalg.matrix_power(inner, period) - ONE)
    found = path(gradient, bilinear, lookahead(optax.sgd(RATE), period, part))
    starts = [np.array(START), *powers(outer, STEPS // period)]
    fast = [np.linalg.matrix_power(inner, n % period) @ starts[n // period] for n in range(1, STEPS + 1)]
    np.testing.assert_allclose(found, fast, rtol=1e-6, atol=1e-7)
    assert np.linalg.norm(found[-1]) < 0.6 < 1 < np.linalg.norm(path(gradient, bilinear)[-1])


def test_lookaheads_slow_parameters_have_their_own_buffers():
    params = {"w": jnp.ones(3)}
    _, slow = lookahead(optax.sgd(0.1), 5).init(params)
    assert slow["w"].unsafe_buffer_pointer() != params["w"].unsafe_buffer_pointer()


def non_saturating(params: Players[Array]) -> Players[Array]:
    """The Dirac-GAN of Mescheder 2018: f(t) = -log(1 + exp(-t)), real data at 0."""
    logit = params.critic * params.generator
    return Players(jax.nn.softplus(logit) + jnp.log(2.0), jax.nn.softplus(-logit))


def test_consensus_descends_half_the_squared_norm_of_the_field():
    params = Players(jnp.float64(0.4), jnp.float64(-0.7))
    field = gradient(non_saturating)

    def half_square(params: Players[Array]) -> Array:
        return sum(x**2 for x in field(params)) / 2

    expected = jax.tree.map(lambda v, g: v + 0.7 * g, field(params), jax.grad(half_square)(params))
    np.testing.assert_allclose(consensus(0.7)(field)(params), expected, rtol=1e-12)


@functools.cache
def exact_flow() -> np.ndarray:
    """The solution of dz/dt = -v(z) at time 2, by very small steps."""
    return at_time_two(chain(gradient, runge_kutta(2 / 512)), 512)


def at_time_two(method: Method, steps: int) -> np.ndarray:
    def step(params: Players[Array], _: None) -> tuple[Players[Array], None]:
        return moved(params, method(non_saturating)(params), 2 / steps), None

    return np.stack(jax.lax.scan(step, jax.tree.map(jnp.float64, START), length=steps)[0])


@pytest.mark.parametrize(
    ("method", "order"), [(lambda _: lambda f: f, 1), (heun, 2), (runge_kutta, 4)], ids=["euler", "heun", "runge_kutta"]
)
def test_a_method_of_order_n_follows_the_flow_with_an_error_of_that_order(method, order):
    errors = [
        np.linalg.norm(at_time_two(chain(gradient, method(2 / steps)), steps) - exact_flow()) for steps in (16, 32)
    ]
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.25)


def test_unrolled_by_no_turns_is_the_plain_game():
    params = Players(jnp.float64(0.4), jnp.float64(-0.7))
    np.testing.assert_array_equal(unrolled(0, 0.1)(non_saturating)(params), non_saturating(params))


def test_only_the_generator_sees_the_critics_reply():
    params = Players(jnp.float64(0.4), jnp.float64(-0.7))
    found = unrolled(4, 0.1)(non_saturating)(params)
    critic = params.critic
    for _ in range(4):
        critic -= 0.1 * jax.grad(lambda c: non_saturating(params._replace(critic=c)).critic)(critic)
    np.testing.assert_allclose(found.critic, non_saturating(params).critic, rtol=1e-12)
    np.testing.assert_allclose(found.generator, non_saturating(params._replace(critic=critic)).generator, rtol=1e-12)
