"""Trees in place of arrays: patches, heads, two domains, further results of the players, conditions."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import GAME, HINGE, data, frozen, linear, make_game, played, start, terms_of

from gan_jax import losses, penalties, priors
from gan_jax.errors import UserError
from gan_jax.keys import fold_leaves
from gan_jax.objectives import add
from gan_jax.types import Array, Batch, Game, Mode, Network, Objective, Output, Params, Players
from gan_jax.update import make_update

SGD = Players(optax.sgd(0.01), optax.sgd(0.01))
W, THETA = np.array([3.0, 4.0]), np.array([0.5, -0.5])


# ---- Logits of any shape


def patches(y: Array) -> Array:
    """[B] -> [B, 2, 3]: logits times 1 to 6."""
    return y[:, None, None] * jnp.arange(1.0, 7.0).reshape(1, 2, 3)


SHAPES = {
    "column": lambda y: y[:, None],
    "patches": patches,
    "heads": lambda y: {"whole": y, "patches": patches(y)},
    "scales": lambda y: [y, [2 * y[:, None]]],
}


def judging(logits: Any, network: Network = GAME.critic) -> Network:
    """The critic that gives a function of its plain logits [B]."""

    def apply(*given: Any) -> tuple[Any, Params]:
        y, stats = network.apply(*given)
        return logits(y), stats

    return network._replace(apply=apply)


@pytest.mark.parametrize("name", SHAPES)
def test_losses_are_means_of_each_head_summed_over_heads_slopes_are_of_all_logits_and_metrics_are_averaged(name):
    x, of = data(2), SHAPES[name]
    objective = add(
        w=losses.wasserstein(), s=losses.least_squares(), r1=penalties.r1(), gp=penalties.gradient_penalty(0.0)
    )
    _, after, metrics = played(Players(judging(of), GAME.generator), objective, SGD, x)
    real, fake = (jax.tree.leaves(of(jnp.asarray(y))) for y in (x[0] @ W, np.full(4, THETA @ W)))
    found = {}
    for key, value in metrics.items():  # the named terms of heads are metrics of their own
        player, term = key.split("/")[:2]
        if player == "critic" and term in ("w", "s", "r1", "gp"):
            found[term] = found.get(term, 0.0) + float(value)
    total = 5 * sum(np.sum(of_one) for of_one in (np.asarray(head)[0] for head in jax.tree.leaves(of(jnp.ones(1)))))
    expected = {
        "w": sum(f.mean() - r.mean() for r, f in zip(real, fake)),
        "s": sum(0.5 * ((r - 1) ** 2).mean() + 0.5 * (f**2).mean() for r, f in zip(real, fake)),
        "r1": 0.5 * total**2,  # the slope of the sum of all logits of an example
        "gp": total**2,
    }
    expected = {term: float(value) for term, value in expected.items()}
    assert found == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(metrics["critic/loss"], sum(expected.values()), rtol=1e-4)
    np.testing.assert_allclose(metrics["critic/logits_real"], np.mean([r.mean() for r in real]), rtol=1e-4)
    np.testing.assert_allclose(metrics["critic/logits_fake"], np.mean([f.mean() for f in fake]), rtol=1e-4)
    np.testing.assert_allclose(metrics["critic/accuracy_real"], np.mean(x[0] @ W > 0), rtol=1e-5)
    assert np.all(after.params.generator != THETA)


def test_heads_name_their_losses():
    _, _, metrics = played(Players(judging(SHAPES["heads"]), GAME.generator), losses.wasserstein(), SGD, data(2))
    assert {"critic/whole", "critic/patches", "generator/whole", "generator/patches"} <= metrics.keys()


@pytest.mark.parametrize("name", ["hinge", "relativistic", "relativistic_average", "minimax"])
def test_a_column_of_logits_plays_the_game_of_plain_ones(name):
    objective = add(adversarial=getattr(losses, name)(), gp=penalties.gradient_penalty(), drift=penalties.drift())
    plain = played(GAME, objective, SGD, data(2))[1:]
    column = played(Players(judging(SHAPES["column"]), GAME.generator), objective, SGD, data(2))[1:]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), column, plain)


# ---- Examples of two domains


def two_domains(shapes: dict[str, tuple[int, ...]]) -> Network:
    """A generator with a parameter for each domain, of its shape."""
    return Network(
        init=lambda key, z, condition: ({name: jnp.full(shape, 0.5) for name, shape in shapes.items()}, {}),
        apply=lambda params, stats, z, condition, mode: (
            jax.tree.map(lambda p: jnp.broadcast_to(p[None], (len(z), *p.shape)), params),
            stats,
        ),
    )


def flat(x: Any) -> Array:
    """A tree of [B, ...] as vectors [B, D]."""
    return jnp.concatenate([leaf.reshape(len(leaf), -1) for leaf in jax.tree.leaves(x)], axis=1)


def over_domains(x: Any) -> Array:
    """One slope for each entry of both domains, and a curvature."""
    x = flat(x)
    return x @ jnp.arange(1.0, 1 + x.shape[1]) + jnp.sum(x**3, axis=1)


PAIR = {"photo": (2, 1, 1), "sketch": (3,)}


def examples(seed: int = 0, batch: int = 4) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    return {name: jnp.asarray(rng.normal(size=(batch, *shape)), jnp.float32) for name, shape in PAIR.items()}


@pytest.mark.parametrize(
    "penalty", [penalties.r1, penalties.r2, penalties.gradient_penalty, penalties.lipschitz_penalty]
)
def test_a_slope_over_two_domains_is_that_of_the_joined_example(penalty):
    real, fake = examples(0), examples(1)
    found = terms_of(penalty(), "critic", make_game(over_domains, real, fake))
    joined = terms_of(penalty(), "critic", make_game(over_domains, flat(real), flat(fake)))
    np.testing.assert_allclose(found, joined, rtol=1e-5)


def test_the_slope_of_a_linear_critic_of_two_domains():
    weight = np.arange(1.0, 6.0)
    np.testing.assert_allclose(
        penalties.slope(lambda x: linear(weight)(flat(x)), examples()), [np.linalg.norm(weight)] * 4, rtol=1e-5
    )


def test_the_noise_of_dragan_differs_between_domains_and_has_the_spread_of_each():
    real = {"a": jnp.zeros((64, 2)).at[::2].set(2.0), "b": jnp.zeros((64, 2)).at[::2].set(20.0)}
    points = penalties.around_real(make_game(over_domains, real, real))
    noise = jax.tree.map(lambda a, b: np.asarray(a - b), points, real)
    for name, half in (("a", 0.5), ("b", 5.0)):  # half a standard deviation of 1, and of 10
        assert noise[name].min() >= -1e-5
        assert 0.9 * half < noise[name].max() <= half + 1e-4
    assert np.abs(noise["a"] - noise["b"] / 10).min() > 1e-6


def test_keys_of_leaves_are_distinct_and_the_only_leaf_has_the_keys_as_they_are():
    keys = jax.random.split(jax.random.key(0), 3)
    assert fold_leaves(keys, jnp.ones((3, 2))) is keys
    tree = {"a": jnp.ones((3, 2)), "b": [jnp.ones((3, 4)), jnp.ones(3)]}
    own = fold_leaves(keys, tree)
    assert jax.tree.structure(own) == jax.tree.structure(tree)
    numbers = np.concatenate([jax.random.key_data(leaf) for leaf in [keys, *jax.tree.leaves(own)]])
    assert len(np.unique(numbers, axis=0)) == 4 * 3


def critic_of_domains() -> Network:
    return Network(
        init=lambda key, x, condition: (jnp.ones(flat(x).shape[1]), {}),
        apply=lambda params, stats, x, condition, mode: (flat(x) @ params, stats),
    )


def two_turns(shapes: dict[str, tuple[int, ...]] = PAIR, critic: Network | None = None) -> Any:
    objective = add(adversarial=losses.wasserstein(), gp=penalties.gradient_penalty(), r2=penalties.r2())
    nets = Players(critic or critic_of_domains(), two_domains(shapes))
    batches = Players(*[Batch(jax.tree.map(lambda x: x[None], examples()))] * 2)
    state = start(nets, objective, SGD, priors.normal(2), batches)
    return state, *jax.jit(make_update(nets, objective, SGD, priors.normal(2)))(state, batches, jax.random.key(0))


def test_a_game_over_two_domains_trains_both_players_on_both():
    before, after, metrics = two_turns()
    still = jax.tree.map(np.array_equal, before.params, after.params)
    assert not any(jax.tree.leaves(still)), still
    real, fake = flat(examples()).sum(1).mean(), 0.5 * 5
    expected = fake - real + (np.sqrt(5) - 1) ** 2 + 0.5 * 5
    np.testing.assert_allclose(metrics["critic/loss"], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (
            PAIR | {"sketch": (4,)},
            r"under sketch, the generator makes \(4, 4\), the data are \(4, 3\)",
        ),
        ({"photo": (2, 1, 1)}, r"the generator makes {photo: float32\[4, 2, 1, 1\]}, the data are {photo: .*, sketch:"),
        (PAIR | {"text": (1,)}, r"the generator makes {photo: .*, text: float32\[4, 1\]}, the data are"),
    ],
)
def test_a_generator_of_other_domains_is_refused_by_the_name_of_the_domain(shapes, message):
    critic = judging(lambda y: y, critic_of_domains())
    with pytest.raises(ValueError, match=message):
        two_turns(shapes, critic)


# ---- Further results of the players


def saying(network: Network, extra: Any) -> Network:
    """Adds a function of the output to it."""

    def apply(*given: Any) -> tuple[Output, Params]:
        y, stats = network.apply(*given)
        return Output(y, extra(y)), stats

    return network._replace(apply=apply)


def test_both_players_further_results_reach_the_game_and_change_nothing_else():
    nets = Players(saying(GAME.critic, lambda y: {"double": 2 * y}), saying(GAME.generator, lambda y: y[:, 0] - 7))
    seen = {}

    def watched(player: str) -> Any:
        def loss(game: Game) -> Any:
            seen[player] = jax.tree.map(jnp.shape, (game.extra, game.made))
            agree = [game.extra.real["double"] - 2 * game.logits.real, game.extra.fake["double"] - 2 * game.logits.fake]
            again = game.generator(game.z + 1, game.condition)
            agree += [game.made - (game.fake[:, 0] - 7), again.extra - game.made, again.y[:, 0] - game.fake[:, 0]]
            return {"apart": sum(map(jnp.abs, agree)), "hinge": getattr(HINGE, player)(game)[0]}, game.state

        return loss

    _, after, metrics = played(nets, Objective(watched("critic"), watched("generator")), SGD, data(2))
    for player in Players._fields:
        assert seen[player] == (({"double": (4,)}, {"double": (4,)}), (4,))
        assert metrics[f"{player}/apart"] == 0
    plain = played(GAME, HINGE, SGD, data(2))[1]
    jax.tree.map(np.testing.assert_array_equal, after.params, plain.params)


def test_players_that_say_nothing_further_have_none():
    def watch(game: Game) -> Any:
        assert game.extra == (None, None)
        assert game.made is None
        assert game.generator(game.z, game.condition).extra is None
        return HINGE.critic(game)

    played(GAME, Objective(watch, HINGE.generator), SGD, data(2))


def test_a_critic_that_returns_a_plain_tuple_is_refused_since_its_features_would_be_trained_as_logits():
    def apply(params: Params, stats: Params, x: Array, condition: Any, mode: Mode) -> tuple[Any, Params]:
        return (x @ params, x), stats

    with pytest.raises(UserError, match=r"a network returns a tuple: return Output\(y, extra\)"):
        played(GAME._replace(critic=GAME.critic._replace(apply=apply)), HINGE, SGD, data(2))


# ---- Conditions


def test_a_condition_may_be_a_tree():
    """The generator adds a part of the condition, and the critic weighs by the other."""

    def generate(params: Params, stats: Params, z: Array, condition: Any, mode: Mode) -> tuple[Array, Params]:
        return params[None] + condition["edges"], stats

    def judge(params: Params, stats: Params, x: Array, condition: Any, mode: Mode) -> tuple[Array, Params]:
        return condition["weight"] * (x @ params), stats

    nets = Players(GAME.critic._replace(apply=judge), GAME.generator._replace(apply=generate))
    x, weight = data(2), np.arange(4.0, dtype=np.float32)
    condition = {"edges": jnp.asarray(2 * x), "weight": jnp.broadcast_to(weight, (2, 4))}
    batches = Players(*(jax.tree.map(lambda a, n=n: a[n : n + 1], Batch(jnp.asarray(x), condition)) for n in (0, 1)))
    still = Players(frozen(), frozen())

    def elsewhere(game: Game) -> Array:
        plain = game.generator(game.z, {**game.condition, "edges": 0 * game.condition["edges"]}).y
        return jnp.sum(jnp.abs(game.fake - plain), axis=1)

    objective = add(adversarial=losses.wasserstein(), apart=penalties.critic_penalty(elsewhere))
    state = start(nets, objective, still, priors.normal(2), batches)
    _, metrics = jax.jit(make_update(nets, objective, still, priors.normal(2)))(state, batches, jax.random.key(0))
    np.testing.assert_allclose(metrics["critic/logits_real"], (weight * (x[0] @ W)).mean(), rtol=1e-5)
    np.testing.assert_allclose(metrics["critic/logits_fake"], (weight * ((THETA + 2 * x[0]) @ W)).mean(), rtol=1e-5)
    np.testing.assert_allclose(metrics["critic/apart"], np.abs(2 * x[0]).sum(1).mean(), rtol=1e-5)
