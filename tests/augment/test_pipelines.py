"""The published pipelines, and the probability that adapts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from augmentations import applied, drawn, examples, keys
from toys import make_game

from gan_jax import augment
from gan_jax.augment.pipelines import up_to_an_eighth
from gan_jax.errors import UserError
from gan_jax.trees import named
from gan_jax.types import Pair

ADA = [
    *("flip", "rotate90", "translate", "scale", "rotate", "anisotropic", "rotate", "translate_subpixel"),
    *("brightness", "contrast", "luma_flip", "hue", "saturation"),
]


@pytest.fixture
def chained(monkeypatch):
    """The transforms that a pipeline chains."""
    from gan_jax.augment import pipelines

    seen = []
    monkeypatch.setattr(pipelines, "chain", lambda *transforms: seen.extend(transforms))
    return seen


def share_changed(transform) -> float:
    changed = drawn(transform, (8, 8, 3)) != np.asarray(transform.action.identity((8, 8, 3)))
    return float(np.mean(changed.any((1, 2))))


@pytest.mark.parametrize("p", [0.4, lambda step: 0.4, jnp.float32(0.4)], ids=["number", "schedule", "array"])
def test_ada_has_the_transforms_of_the_paper_in_its_order_with_its_probabilities(chained, p):
    augment.ada(p)
    assert [transform.name for transform in chained] == ADA
    sometimes_none = {"flip": 1 / 2, "rotate90": 3 / 4, "translate": 3 / 4, "luma_flip": 1 / 2}
    for transform in chained:
        expected = 0.4 * sometimes_none.get(transform.name, 1)
        if transform.name == "rotate":
            expected = 1 - 0.6**0.5  # both together: 1 - (1 - p) = p
        assert share_changed(transform) == pytest.approx(expected, abs=0.03), transform.name


def test_ada_takes_colours_noise_and_cutout_at_shares_of_p(chained):
    augment.ada(0.8, color=0.5, corrupt=0.25)
    assert [transform.name for transform in chained] == [*ADA, "noise", "cutout"]
    assert share_changed(chained[8]) == pytest.approx(0.4, abs=0.03)
    for transform in chained[-2:]:
        assert float(transform.draw(jnp.full(4, 0.19), (8, 8, 3), 0).std()) > 0
        assert float(transform.draw(jnp.full(4, 0.21), (8, 8, 3), 0).std()) == 0


def test_diff_augment_is_zhaos():
    """Colour as in DiffAugment_pytorch.py; translation and cutout are those of the other tests."""
    from gan_jax.augment import pipelines

    x = np.asarray(examples(2, (8, 8, 3)))
    stretched = pipelines.stretch_about_mean(jnp.array([0.5, 1.5]), jnp.asarray(x))
    mean = x.mean((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(stretched, (x - mean) * np.array([0.5, 1.5]).reshape(2, 1, 1, 1) + mean, atol=1e-6)


def test_diff_augment_colours_uniformly(chained):
    augment.diff_augment()
    assert [t.name for t in chained] == ["brightness", "saturation", "contrast", "translate", "cutout"]

    def at(index: int, number: float) -> np.ndarray:
        return np.asarray(chained[index].draw(jnp.array([number]), (8, 8, 3), 0))

    for number in (0.1, 0.9):
        assert at(0, number)[0, 3] == pytest.approx(number - 0.5)
        x = np.array([0.2, -0.4, 0.5])
        np.testing.assert_allclose(at(1, number)[:3, :3] @ x, (x - x.mean()) * 2 * number + x.mean(), atol=1e-6)
        assert at(2, number) == pytest.approx(0.5 + number)


def test_diff_augment_cuts_out_and_moves_every_image():
    seen = applied(augment.diff_augment(background=9.0), np.full((64, 16, 16, 1), 0.3, np.float32))
    cut = np.mean(seen == 0, axis=(1, 2, 3))
    assert 0.06 <= cut.min() <= cut.max() <= 0.25  # a quarter, or what lies in the image of it
    assert np.mean((seen == 9).any((1, 2, 3))) > 0.8


def of_real(*logits) -> object:
    """A game with these logits of real examples."""
    return make_game(lambda x: x[:, 0], np.ones((4, 1)), np.ones((4, 1)))._replace(
        logits=Pair(real=logits[0] if len(logits) == 1 else logits, fake=None)
    )


@pytest.mark.parametrize(
    ("logits", "direction"),
    [
        (np.ones(10), 1),
        (np.r_[np.ones(9), -1], 1),  # mean sign 0.8
        (np.r_[np.ones(7), -np.ones(3)], -1),  # 0.4
        (-np.ones(10), -1),
        (np.r_[100, -np.ones(9)], -1),  # the sign counts, not the size
    ],
)
def test_p_follows_the_sign_of_real_logits(logits, direction):
    adaptive = augment.adaptive(augment.ada, batch_size=64, horizon=6400)
    state = adaptive.advance({"p": jnp.float32(0.5)}, of_real(jnp.asarray(logits, jnp.float32)))
    assert float(state["p"]) == pytest.approx(0.5 + 0.01 * direction)


def test_p_starts_at_0_stays_in_range_and_crosses_it_in_the_horizon():
    adaptive = augment.adaptive(augment.ada, batch_size=64, horizon=640)
    state = adaptive.init()
    assert float(state["p"]) == 0
    state = adaptive.advance(state, of_real(-jnp.ones(4)))
    assert float(state["p"]) == 0
    for turn in range(1, 13):
        state = adaptive.advance(state, of_real(jnp.ones(4)))
        assert float(state["p"]) == pytest.approx(min(turn / 10, 1))
    assert state["p"].dtype == jnp.float32
    assert state["p"].shape == ()


def test_the_papers_rate_is_the_default():
    state = augment.adaptive(augment.ada, batch_size=64).advance({"p": jnp.float32(0)}, of_real(jnp.ones(4)))
    assert float(state["p"]) == pytest.approx(64 / 500_000)


def test_each_leaf_of_a_tree_of_logits_counts_alike():
    """A mean sign of 1 and one of 0 is 0.5, for any sizes."""
    heads = (jnp.ones(4), jnp.tile(jnp.array([1.0, -1.0]), (4, 50)))
    for target, direction in ((0.4, 1), (0.6, -1)):
        adaptive = augment.adaptive(augment.ada, batch_size=1, horizon=10, target=target)
        state = adaptive.advance({"p": jnp.float32(0.5)}, of_real(*heads))
        assert float(state["p"]) == pytest.approx(0.5 + 0.1 * direction)


def test_the_pipeline_is_applied_at_p():
    adaptive = augment.adaptive(augment.ada, batch_size=4)
    x = examples(64, (8, 8, 3))
    for p in (0.1, 0.9):
        seen = jax.jit(adaptive.apply)({"p": jnp.float32(p)}, keys(64), x, jnp.int32(0))
        np.testing.assert_allclose(seen, applied(augment.ada(p), x), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size 0 and horizon 500000: each must be 1 or more"),
        ({"batch_size": 4, "target": 1.0}, "target 1.0: the mean sign of logits lies between -1 and 1"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        augment.adaptive(augment.ada, **options)


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (augment.ada(), "^adaptive takes a function of p, .*, not Augment$"),
        (augment.flip, "^adaptive takes a function of p, .* this one fails at p = 0 .*; is p its first argument[?]$"),
        (
            augment.diff_augment,
            "^adaptive takes a function of p, .* this one fails at p = 0 .*; is p its first argument[?]$",
        ),
        (augment.noise, "^adaptive takes a function of p, .* this one returns Transform, not Augment$"),
        (lambda p: augment.adaptive(augment.ada, 64), "^adaptive takes a stateless pipeline, this one has a state"),
    ],
    ids=["augmentation", "flip", "diff_augment", "noise", "stateful"],
)
def test_anything_but_a_stateless_pipeline_is_refused(pipeline, message):
    with pytest.raises(UserError, match=message):
        augment.adaptive(pipeline, 64)


def test_adaptive_pipelines_chain_with_transforms():
    """p rises in its place, and a pipeline may itself be a chain with augmentations."""
    half = augment.adaptive(lambda p: augment.chain(augment.ada(p), augment.diff_augment()), 64, horizon=128)
    whole = augment.chain(augment.flip(), half)
    state = whole.advance(whole.init(), of_real(jnp.ones(4)))
    assert state == ((), {"p": 0.5})
    assert named({"augment": state}).keys() == {"augment/1/p"}
    x = examples(4, (8, 8, 3))
    assert np.abs(jax.jit(whole.apply)(state, keys(4), x, jnp.int32(0)) - x).max((1, 2, 3)).min() > 0


@pytest.mark.parametrize(("side", "most"), [(28, 4), (32, 4), (64, 8)])
def test_diff_augment_moves_by_each_number_of_pixels_equally_often(side, most):
    numbers = (np.arange(9 * 17 * 10, dtype=np.float32) + 0.5) / (9 * 17 * 10)
    maps = jax.vmap(lambda u: up_to_an_eighth(jnp.stack([u, u]), (side, side, 1), jnp.int32(0)))(numbers)
    moves, counts = np.unique(-np.asarray(maps)[:, 0, 2], return_counts=True)
    np.testing.assert_array_equal(moves, np.arange(-most, most + 1))
    assert np.ptp(counts) <= 1
