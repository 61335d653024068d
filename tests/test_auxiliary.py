"""Further tasks of the players: their values by hand, and bad use in one line."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from terms import CODES, PRIOR
from toys import GAME, HINGE, data, linear, make_game, played, terms_of

from gan_jax import auxiliary, losses, priors
from gan_jax.objectives import add
from gan_jax.types import Game, Objective, Output, Pair, Players

B = 5
RNG = np.random.default_rng(0)
REAL, FAKE = RNG.normal(size=(2, B, 2)).astype(np.float32)


def game_of(**fields: Any) -> Game:
    return make_game(linear([3.0, 4.0]), REAL, FAKE)._replace(**fields)


def cross_entropy(logits: np.ndarray, classes: np.ndarray) -> np.ndarray:
    logits = np.float64(logits)
    return np.log(np.exp(logits).sum(1)) - logits[np.arange(len(classes)), classes]


# ---- Classes

CLASS_LOGITS = Pair(*RNG.normal(0, 3, (2, B, 4)).astype(np.float32))
LABELS = np.array([0, 3, 1, 1, 2])


def test_classification_is_the_cross_entropy_of_real_and_fake_for_the_critic_and_of_fake_for_the_generator():
    game = game_of(extra=Pair(*({"kind": x} for x in CLASS_LOGITS)), condition=jnp.asarray(LABELS))
    critic, generator = (terms_of(auxiliary.classification("kind"), player, game) for player in Players._fields)
    np.testing.assert_allclose(critic["real"], cross_entropy(CLASS_LOGITS.real, LABELS), rtol=1e-5)
    np.testing.assert_allclose(critic["fake"], cross_entropy(CLASS_LOGITS.fake, LABELS), rtol=1e-5)
    np.testing.assert_array_equal(generator, critic["fake"])


def test_classification_of_huge_logits_is_finite():
    extra = Pair(*[{"classes": 1e4 * jnp.eye(4)[LABELS]}] * 2)
    right = terms_of(auxiliary.classification(), "generator", game_of(extra=extra, condition=jnp.asarray(LABELS)))
    np.testing.assert_array_equal(right, np.zeros(B))
    wrong = terms_of(
        auxiliary.classification(), "generator", game_of(extra=extra, condition=jnp.asarray((LABELS + 1) % 4))
    )
    np.testing.assert_array_equal(wrong, np.full(B, 1e4))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (None, "a classification term got no condition: it needs one class number per example"),
        (jnp.zeros(B), r"got the condition float32\[5\]"),
        (jnp.zeros((B, 1), jnp.int32), r"got the condition int32\[5, 1\]"),
        ({"digit": jnp.zeros(B, jnp.int32)}, r"got the condition {digit: int32\[5\]}"),
    ],
)
@pytest.mark.parametrize("player", Players._fields)
def test_classification_of_anything_but_class_numbers_is_refused(player, condition, message):
    game = game_of(extra=Pair(*({"classes": x} for x in CLASS_LOGITS)), condition=condition)
    with pytest.raises(ValueError, match=message):
        terms_of(auxiliary.classification(), player, game)


# ---- Codes


def test_information_is_the_cross_entropy_of_each_choice_and_half_the_weighted_squares_of_the_others():
    z = np.asarray(jax.vmap(PRIOR)(jax.random.split(jax.random.key(0), B)))
    guesses = RNG.normal(size=(B, CODES.size)).astype(np.float32)
    term = auxiliary.information(CODES, "guesses", continuous_weight=0.3)
    found = terms_of(term, "critic", game_of(extra=Pair(None, {"guesses": jnp.asarray(guesses)}), z=jnp.asarray(z)))
    own = z[:, -CODES.size :]
    categorical = cross_entropy(guesses[:, :3], own[:, :3].argmax(1))
    categorical += cross_entropy(guesses[:, 3:5], own[:, 3:5].argmax(1))
    np.testing.assert_allclose(found["categorical"], categorical, rtol=1e-5)
    np.testing.assert_allclose(found["continuous"], 0.15 * ((guesses - own)[:, 5:] ** 2).sum(1), rtol=1e-5)
    both = term.critic is term.generator
    assert both  # the same for both players


@pytest.mark.parametrize(
    ("codes", "names"), [(priors.Codes((3,)), {"categorical"}), (priors.Codes((), 2), {"continuous"})]
)
def test_codes_of_one_kind_have_the_terms_of_that_kind_alone(codes, names):
    z = jax.vmap(priors.with_codes(priors.normal(2), codes))(jax.random.split(jax.random.key(0), B))
    right = {"codes": 100 * z[:, 2:] if codes.categorical else z[:, 2:]}
    found = terms_of(auxiliary.information(codes), "generator", game_of(extra=Pair(None, right), z=z))
    assert found.keys() == names
    for value in found.values():
        np.testing.assert_allclose(value, np.zeros(B), atol=1e-6)


@pytest.mark.parametrize(
    ("guesses", "z", "message"),
    [
        ((B, CODES.size + 1), (B, 11), r"'codes' must be guesses \[B, 7\] and is float32\[5, 8\]"),
        ((B, CODES.size), (B, CODES.size - 1), r"latents \[B, 7\] or more, .* and these are float32\[5, 6\]"),
        ((B, CODES.size), (B, 7, 2), r"and these are float32\[5, 7, 2\]"),
    ],
)
def test_guesses_and_latents_that_do_not_hold_the_codes_are_refused(guesses, z, message):
    game = game_of(extra=Pair(None, {"codes": jnp.zeros(guesses)}), z=jnp.zeros(z))
    with pytest.raises(ValueError, match=message):
        terms_of(auxiliary.information(CODES), "critic", game)


def test_no_codes_at_all_are_refused():
    with pytest.raises(ValueError, match="there are no codes"):
        auxiliary.information(priors.Codes())


# ---- Features


def test_feature_matching_is_the_squared_distance_of_the_mean_features():
    features = Pair(*RNG.normal(size=(2, B, 2, 3)).astype(np.float32))
    game = game_of(extra=Pair(*({"deep": jnp.asarray(x)} for x in features)))
    term = auxiliary.feature_matching("deep")
    expected = ((features.real.mean(0) - features.fake.mean(0)) ** 2).sum()
    np.testing.assert_allclose(terms_of(term, "generator", game), expected, rtol=1e-5)
    assert term.critic is None


# ---- Targets


@pytest.mark.parametrize(("distance", "of"), [(jnp.abs, np.abs), (jnp.square, np.square)], ids=["L1", "L2"])
def test_reconstruction_is_the_mean_distance_of_each_example_from_its_target(distance, of):
    term = auxiliary.reconstruction(distance=distance)
    np.testing.assert_allclose(terms_of(term, "generator", game_of()), of(FAKE - REAL).mean(1), rtol=1e-5)
    shifted = auxiliary.reconstruction(lambda game: game.real + 1, lambda game: 2 * game.fake, distance=distance)
    np.testing.assert_allclose(terms_of(shifted, "generator", game_of()), of(2 * FAKE - REAL - 1).mean(1), rtol=1e-5)
    assert term.critic is None


def test_reconstruction_of_trees_has_a_term_for_each_leaf():
    real, fake = ({"a": jnp.asarray(x), "b": jnp.asarray(x[:, :1, None])} for x in (REAL, FAKE))
    found = terms_of(auxiliary.reconstruction(), "generator", game_of(real=real, fake=fake))
    np.testing.assert_allclose(found["a"], np.abs(FAKE - REAL).mean(1), rtol=1e-5)
    np.testing.assert_allclose(found["b"], np.abs(FAKE - REAL)[:, 0], rtol=1e-5)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda game: game.fake[:, :1], r"reconstruction of float32\[5, 2\] by float32\[5, 1\]: they must be alike"),
        (lambda game: {"a": game.fake}, r"reconstruction of float32\[5, 2\] by {a: float32\[5, 2\]}"),
        (lambda game: game.fake.astype(jnp.bfloat16), r"by bfloat16\[5, 2\]"),
    ],
)
def test_a_reconstruction_unlike_its_target_is_refused(made, message):
    with pytest.raises(ValueError, match=message):
        terms_of(auxiliary.reconstruction(made=made), "generator", game_of())


def test_a_cycle_applies_the_generator_to_what_it_made():
    """The generator halves its condition."""
    game = game_of(condition=jnp.asarray(REAL))
    game = game._replace(generator=lambda z, condition: Output(0.5 * condition), fake=0.5 * game.condition)
    cycle = auxiliary.reconstruction(made=lambda game: game.generator(game.z, game.fake).y)
    np.testing.assert_allclose(terms_of(cycle, "generator", game), np.abs(0.5 * 0.5 * REAL - REAL).mean(1), rtol=1e-5)


# ---- A critic that doesn't say what a term wants

NEEDY = {
    "classes": auxiliary.classification(),
    "codes": auxiliary.information(priors.Codes((), 2)),
    "features": auxiliary.feature_matching(),
}
SGD = Players(optax.sgd(0.1), optax.sgd(0.1))


@pytest.mark.parametrize("head", NEEDY)
def test_a_term_that_needs_more_than_logits_is_refused_with_a_critic_that_gives_no_more(head):
    objective = add(adversarial=HINGE, more=NEEDY[head])
    message = f"wants the critic's '{head}', and the critic gives nothing but logits: let it return Output"
    with pytest.raises(ValueError, match=message):
        played(GAME, objective, SGD, data(2))


@pytest.mark.parametrize(
    ("extra", "shown"),
    [({"other": jnp.zeros((B, 2))}, r"{other: float32\[5, 2\]}"), (jnp.zeros((B, 2)), r"float32\[5, 2\]")],
)
@pytest.mark.parametrize("head", NEEDY)
def test_a_term_says_what_the_critic_gives_instead(head, extra, shown):
    game = game_of(extra=Pair(extra, extra), condition=jnp.asarray(LABELS))
    with pytest.raises(ValueError, match=f"wants the critic's '{head}', and the critic gives logits and {shown}"):
        terms_of(NEEDY[head], "generator", game)


def test_feature_matching_alone_can_be_the_generators_objective():
    half = Objective(losses.hinge().critic, None)
    objective = add(adversarial=half, features=auxiliary.feature_matching())
    assert objective.generator is not None
    assert objective.critic is not None
