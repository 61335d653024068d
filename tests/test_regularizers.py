"""Diversity, path length and orthogonality: closed forms on linear generators."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from toys import make_game, terms_of

from gan_jax import averages, priors, regularizers
from gan_jax.types import Array, Game, Output, Players

Z, SHAPE = 3, (4, 2, 5)  # 8 pixels of 5 channels


def game_of(batch: int, generate, *, shape: tuple[int, ...] = SHAPE, condition=None) -> Game:
    """The game of a generator (z, condition) -> examples."""
    prior = priors.normal(Z)
    z = jax.vmap(prior)(jax.random.split(jax.random.key(1), batch))
    fake = generate(z, condition)
    game = make_game(lambda x: jnp.zeros(batch), jnp.zeros((batch, *shape)), jnp.zeros((batch, *shape)))
    return game._replace(
        generator=lambda z, condition: Output(generate(z, condition)), prior=prior, z=z, fake=fake, condition=condition
    )


# ---- Diversity


@pytest.mark.parametrize("factor", [0.0, 0.01, 1.0, 3.0])
def test_mode_seeking_is_the_inverse_of_the_stretch_from_latents_to_examples(factor):
    game = game_of(6, lambda z, condition: factor * z, shape=(Z,))
    np.testing.assert_allclose(terms_of(regularizers.mode_seeking(), "generator", game), 1 / (factor + 1e-5), rtol=1e-4)


def test_mode_seeking_pushes_examples_apart_and_is_finite_for_a_collapsed_generator():
    def value(factor: Array) -> Array:
        game = game_of(6, lambda z, condition: factor * z, shape=(Z,))
        return terms_of(regularizers.mode_seeking(), "generator", game)

    np.testing.assert_allclose(jax.grad(value)(2.0), -1 / (2 + 1e-5) ** 2, rtol=1e-4)
    assert np.isfinite(jax.grad(value)(0.0))


def test_mode_seeking_compares_latents_under_one_condition_and_sums_over_domains():
    condition = jnp.arange(1.0, 7.0)

    def generate(z: Array, condition: Array) -> dict[str, Array]:
        return {"a": 2 * z + 100 * condition[:, None], "b": 3 * z[:, :, None]}

    game = game_of(6, generate, shape=(Z,), condition=condition)
    np.testing.assert_allclose(terms_of(regularizers.mode_seeking(), "generator", game), 1 / 5, rtol=1e-4)


# ---- Path length

MATRIX = np.random.default_rng(0).normal(size=(Z, 40)).astype(np.float32)


def linear(z: Array, condition=None) -> Array:
    return (z @ MATRIX).reshape(-1, *SHAPE)


def test_the_mean_square_of_the_path_lengths_is_the_jacobians_over_the_number_of_pixels():
    batch = 4096
    term = regularizers.path_length()
    terms, state = term.generator(game_of(batch, linear)._replace(state=term.init()))
    assert terms.shape == (batch,)
    squares = np.mean(terms) + float(state.mean) ** 2  # the first average is the batch's own, so E term is the variance
    np.testing.assert_allclose(squares, (MATRIX**2).sum() / 8, rtol=0.05)
    assert len(np.unique(terms)) > 0.99 * batch
    assert state.values == 1


def test_the_average_of_the_path_lengths_follows_the_batch_and_has_no_gradient():
    decay, before = 0.75, averages.Average(jnp.float32(0.4), jnp.int32(2))
    weight = float(averages.newest(decay, 3))

    def value(factor: Array) -> tuple[Array, Array]:
        game = game_of(64, lambda z, condition: factor * linear(z))._replace(state=before)
        terms, state = regularizers.path_length(decay).generator(game)
        return jnp.mean(terms), state.mean

    (term, mean), gradient = jax.value_and_grad(value, has_aux=True)(1.0)
    lengths = 0.4 + (mean - 0.4) / weight  # their mean
    squares = term + 2 * mean * lengths - mean**2
    np.testing.assert_allclose(gradient, 2 * (squares - mean * lengths), rtol=1e-3)  # lengths grow with the factor


def test_path_length_takes_the_slope_by_any_w():
    """By w = 2 z the Jacobian is half as large: lengths are half, and their variance a quarter."""

    def at_styles(game: Game):
        return lambda w: linear(0.5 * w), 2 * game.z

    game = game_of(64, linear)
    plain = terms_of(regularizers.path_length(), "generator", game)
    styles = terms_of(regularizers.path_length(at=at_styles), "generator", game)
    np.testing.assert_allclose(styles, plain / 4, rtol=1e-3, atol=1e-6)


def test_a_constant_generator_has_no_path_and_finite_gradients():
    def value(factor: Array) -> Array:
        return jnp.mean(terms_of(regularizers.path_length(), "generator", game_of(8, lambda z, _: factor * linear(z))))

    assert value(0.0) == 0
    assert np.isfinite(jax.grad(value)(0.0))


# ---- Orthogonality

KERNELS = {
    "Dense_0": {"kernel": jnp.array([[1.0, 2.0], [3.0, 4.0], [0.0, 1.0]]), "bias": jnp.array([5.0, 6.0])},
    "Conv_0": {"kernel": jnp.ones((1, 2, 1, 3))},
    "norm": {"scale": jnp.ones((3, 3))},
}


def with_params(player: str, params: Any) -> Game:
    game = make_game(lambda x: x, jnp.ones(3), jnp.ones(3))
    return game._replace(params=game.params._replace(**{player: params}))


@pytest.mark.parametrize("player", Players._fields)
def test_orthogonal_is_the_sum_of_squared_products_of_different_outputs(player):
    game = make_game(lambda x: x, jnp.ones(3), jnp.ones(3))._replace(
        params=Players({}, {})._replace(**{player: KERNELS})
    )
    term = regularizers.orthogonal(player)
    # <(1, 3, 0), (2, 4, 1)> = 14, twice; of the convolution, six products of (1, 1)
    assert terms_of(term, player, game) == 2 * 14**2 + 6 * 2**2
    (other,) = set(Players._fields) - {player}
    assert getattr(term, other) is None


def test_orthogonal_is_zero_for_orthogonal_kernels_of_any_length():
    kernel = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 4)))[0] * [1.0, 20.0, 0.3, 5.0]
    game = make_game(lambda x: x, jnp.ones(3), jnp.ones(3))._replace(
        params=Players({}, {"kernel": jnp.asarray(kernel)})
    )
    np.testing.assert_allclose(terms_of(regularizers.orthogonal(), "generator", game), 0, atol=1e-6)
