import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, strategies as st
from terms import LOSSES
from toys import of_logits, terms_of

from gan_jax import losses
from gan_jax.objectives import add
from gan_jax.types import Array, Players

PLAYERS = Players._fields


def log_d(logit: np.ndarray) -> np.ndarray:
    """The log of σ(logit)."""
    return -np.logaddexp(0, -logit)


def log_not_d(logit: np.ndarray) -> np.ndarray:
    """The log of 1 - σ(logit)."""
    return -np.logaddexp(0, logit)


def against_average(up: np.ndarray, down: np.ndarray) -> np.ndarray:
    return -log_d(up - down.mean()) - log_not_d(down - up.mean())


K = 0.25
STATES = {"began": {"k": jnp.float32(K)}}

# The papers' equations in float64, with signs flipped so that both players minimise.
TEXTBOOK = {
    "minimax": Players(lambda r, f: -log_d(r) - log_not_d(f), lambda r, f: log_not_d(f)),
    "non_saturating": Players(lambda r, f: -log_d(r) - log_not_d(f), lambda r, f: -log_d(f)),
    "wasserstein": Players(lambda r, f: f - r, lambda r, f: -f),
    "hinge": Players(lambda r, f: -np.minimum(0, r - 1) - np.minimum(0, -f - 1), lambda r, f: -f),
    "least_squares": Players(lambda r, f: (r - 1) ** 2 / 2 + f**2 / 2, lambda r, f: (f - 1) ** 2 / 2),
    "relativistic": Players(lambda r, f: -log_d(r - f), lambda r, f: -log_d(f - r)),
    "relativistic_average": Players(against_average, lambda r, f: against_average(f, r)),
    "began": Players(lambda r, f: K * f - r, lambda r, f: -f),  # of the logits -L
    "kl": Players(lambda r, f: np.exp(f - 1) - r, lambda r, f: -np.exp(f - 1)),
    "reverse_kl": Players(lambda r, f: (f - 1) + np.exp(-r), lambda r, f: -(f - 1)),
    "pearson": Players(lambda r, f: f**2 / 4 + f - r, lambda r, f: -(f**2) / 4 - f),
    # f*(t) = t / (1 - t) at t = 1 - exp(-v)
    "squared_hellinger": Players(
        lambda r, f: (1 - np.exp(-f)) / np.exp(-f) - (1 - np.exp(-r)), lambda r, f: 1 - 1 / np.exp(-f)
    ),
    # f*(t) = -log(2 - exp t) at t = log 2 - log(1 + exp(-v)), which is -log(2 - 2σ(v))
    "jensen_shannon": Players(
        lambda r, f: -np.log(2) - log_not_d(f) - np.log(2) - log_d(r), lambda r, f: np.log(2) + log_not_d(f)
    ),
}


def loss_of(name: str, player: str, real: Array, fake: Array) -> Array:
    game = of_logits(real, fake)._replace(state=STATES.get(name, ()))
    return terms_of(LOSSES[name], player, game)


every_loss = pytest.mark.parametrize("name", LOSSES)
either_player = pytest.mark.parametrize("player", PLAYERS)


@every_loss
@either_player
def test_loss_is_the_textbooks(name, player):
    real, fake = np.random.default_rng(0).normal(0, 3, (2, 64)).astype(np.float32)
    expected = getattr(TEXTBOOK[name], player)(np.float64(real), np.float64(fake))
    np.testing.assert_allclose(loss_of(name, player, real, fake), expected, rtol=2e-5, atol=2e-6)


@every_loss
@either_player
def test_loss_and_its_gradient_are_finite_at_logits_of_100_wherever_float32_can_hold_them(name, player):
    # one pair per batch, since relativistic_average looks at the others
    for pair in ([100.0, -100.0], [-100.0, 100.0], [100.0, 100.0], [-100.0, -100.0], [0.0, 0.0]):
        real, fake = np.array(pair)[:, None]
        expected = getattr(TEXTBOOK[name], player)(real, fake)
        if abs(expected[0]) > np.finfo(np.float32).max:
            continue
        loss, gradient = jax.value_and_grad(lambda pair: loss_of(name, player, *pair)[0])(
            (jnp.float32(real), jnp.float32(fake))
        )
        np.testing.assert_allclose(loss, expected[0], rtol=1e-5, atol=1e-6, err_msg=str(pair))
        assert np.isfinite(gradient).all(), pair


@pytest.mark.parametrize("name", [n for n in LOSSES if n not in ("kl", "reverse_kl", "squared_hellinger")])
@either_player
def test_loss_without_an_exponential_is_finite_at_all_logits_up_to_100(name, player):
    real, fake = np.meshgrid(*[np.linspace(-100, 100, 9, dtype=np.float32)] * 2)
    assert np.isfinite(loss_of(name, player, real.ravel(), fake.ravel())).all()


@every_loss
@either_player
@pytest.mark.parametrize("batch", [1, 6])
def test_loss_is_one_float32_an_example(name, player, batch):
    real, fake = np.random.default_rng(batch).normal(size=(2, batch)).astype(np.float32)
    loss = loss_of(name, player, real, fake)
    assert loss.shape == (batch,)
    assert loss.dtype == jnp.float32


@every_loss
@either_player
def test_loss_does_not_care_for_the_order_of_the_pairs(name, player):
    real, fake = np.random.default_rng(1).normal(size=(2, 6)).astype(np.float32)
    order = np.array([3, 1, 5, 0, 2, 4])
    shuffled = loss_of(name, player, real[order], fake[order])
    np.testing.assert_allclose(shuffled, loss_of(name, player, real, fake)[order], rtol=1e-6)


@every_loss
def test_critic_gains_by_telling_real_from_fake_and_generator_by_being_taken_for_real(name):
    real, fake = jnp.array([0.3, -0.2]), jnp.array([0.1, 0.4])
    critic = jax.grad(lambda pair: loss_of(name, "critic", *pair).sum())((real, fake))
    generator = jax.grad(lambda fake: loss_of(name, "generator", real, fake).sum())(fake)
    assert (critic[0] < 0).all()
    assert (critic[1] > 0).all()
    assert (generator < 0).all()


def test_minimax_is_the_logarithm_of_one_minus_d():
    fake = np.linspace(-12, 12, 49, dtype=np.float32)
    d = 1 / (1 + np.exp(-np.float64(fake)))
    np.testing.assert_allclose(loss_of("minimax", "generator", fake, fake), np.log(1 - d), rtol=1e-5)


def test_minimax_generator_gradient_fades_where_the_critic_wins_and_the_non_saturating_one_does_not():
    fake = jnp.array([-100.0, -5.0, 0.0, 5.0, 100.0])
    d = jax.nn.sigmoid(fake)
    minimax, non_saturating = (
        jax.grad(lambda fake, name=name: loss_of(name, "generator", fake, fake).sum())(fake)
        for name in ("minimax", "non_saturating")
    )
    np.testing.assert_allclose(minimax, -d, rtol=1e-6)
    np.testing.assert_allclose(non_saturating, -jax.nn.sigmoid(-fake), rtol=1e-6)
    assert minimax[0] == 0
    assert non_saturating[0] == -1


def test_cross_entropy_is_binary_with_labels_1_for_real_and_0_for_fake():
    real, fake = jnp.array([-3.0, 0.2, 100.0]), jnp.array([4.0, -0.1, -100.0])
    binary = optax.sigmoid_binary_cross_entropy
    expected = binary(real, jnp.ones(3)) + binary(fake, jnp.zeros(3))
    np.testing.assert_allclose(losses.cross_entropy(real, fake), expected, rtol=1e-6)


def test_hinge_is_flat_beyond_its_margins():
    real, fake = jnp.array([0.0, 1.5, -2.0]), jnp.array([0.0, -3.0, 2.0])
    np.testing.assert_array_equal(loss_of("hinge", "critic", real, fake), [2.0, 0.0, 6.0])
    np.testing.assert_array_equal(loss_of("hinge", "generator", real, fake), [0.0, 3.0, -2.0])


def test_least_squares_are_zero_at_their_targets():
    ones, zeros = jnp.ones(2), jnp.zeros(2)
    np.testing.assert_array_equal(loss_of("least_squares", "critic", ones, zeros), zeros)
    np.testing.assert_array_equal(loss_of("least_squares", "generator", ones, ones), zeros)
    np.testing.assert_array_equal(loss_of("least_squares", "generator", ones, zeros), [0.5, 0.5])


@pytest.mark.parametrize("name", ["wasserstein", "relativistic", "relativistic_average"])
@given(shift=st.floats(-8, 8, width=32))
def test_critic_that_compares_does_not_see_a_common_shift(name, shift):
    real, fake = jnp.array([0.5, -1.0, 2.0]), jnp.array([0.1, 0.4, -0.3])
    shifted = loss_of(name, "critic", real + shift, fake + shift)
    np.testing.assert_allclose(shifted, loss_of(name, "critic", real, fake), atol=5e-6)


def test_relativistic_average_differs_from_the_pairs():
    real, fake = jnp.array([2.0, -1.0]), jnp.array([0.5, 1.0])
    # softplus(mean(fake) - real) + softplus(fake - mean(real)), by hand: means 0.75 and 0.5
    expected = np.log1p(np.exp([0.75 - 2, 0.75 + 1])) + np.log1p(np.exp([0.5 - 0.5, 1 - 0.5]))
    np.testing.assert_allclose(loss_of("relativistic_average", "critic", real, fake), expected, rtol=1e-6)


# The divergence, and the v with g(v) = f'(u) at the densities' ratio u = p / q. Nowozin 2016, tables 1 and 2.
DIVERGENCES = {
    "kl": (lambda p, q: np.sum(p * np.log(p / q)), lambda u: 1 + np.log(u)),
    "reverse_kl": (lambda p, q: np.sum(q * np.log(q / p)), np.log),
    "pearson": (lambda p, q: np.sum((p - q) ** 2 / q), lambda u: 2 * (u - 1)),
    "squared_hellinger": (
        lambda p, q: np.sum((np.sqrt(p) - np.sqrt(q)) ** 2),
        lambda u: 0.5 * np.log(u),
    ),
    "jensen_shannon": (
        lambda p, q: np.sum(p * np.log(2 * p / (p + q)) + q * np.log(2 * q / (p + q))),
        np.log,
    ),
}
masses = st.lists(st.floats(0.05, 1), min_size=4, max_size=4).map(lambda m: np.array(m) / np.sum(m))


def critic_value(name: str, v: Array, p: Array, q: Array) -> Array:
    """E_p[g(v)] - E_q[f*(g(v))] of a critic with output v[i] at atom i."""
    n = len(v)
    real, fake = jnp.repeat(v, n), jnp.tile(v, n)
    return -p @ loss_of(name, "critic", real, fake).reshape(n, n) @ q


@pytest.mark.parametrize("name", DIVERGENCES)
@given(p=masses, q=masses, away=st.lists(st.floats(-0.3, 0.3), min_size=4, max_size=4).map(np.array))
def test_best_critic_of_an_f_gan_gives_the_divergence(name, p, q, away):
    divergence, best = DIVERGENCES[name]
    with jax.enable_x64(True):
        v, p_, q_ = jnp.asarray(best(p / q)), jnp.asarray(p), jnp.asarray(q)
        value, slope = map(np.asarray, jax.value_and_grad(critic_value, argnums=1)(name, v, p_, q_))
        other = np.asarray(critic_value(name, v + jnp.asarray(away), p_, q_))
    np.testing.assert_allclose(value, divergence(p, q), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(slope, 0, atol=1e-12)
    assert other <= value + 1e-12


@pytest.mark.parametrize("name", DIVERGENCES)
def test_generator_of_an_f_gan_minimises_what_the_critic_maximises(name):
    real, fake = jnp.array([0.3, -0.6]), jnp.array([0.2, 0.9])
    total = lambda fake: -loss_of(name, "critic", real, fake).sum()  # noqa: E731
    own = lambda fake: loss_of(name, "generator", real, fake).sum()  # noqa: E731
    np.testing.assert_allclose(jax.grad(own)(fake), jax.grad(total)(fake), rtol=1e-6)


def test_losses_alone_keep_both_players_in_the_game():
    assert all(term.critic and term.generator for term in LOSSES.values())
    both = add(a=LOSSES["hinge"], b=LOSSES["wasserstein"])
    assert both.critic is not None
    assert both.generator is not None
