"""How transforms compose: probabilities, order, fusion, and refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from augmentations import SHAPES, applied, drawn, examples, fixed, keys

from gan_jax import augment
from gan_jax.augment.algebra import Action, Transform, chain, normal, sometimes
from gan_jax.errors import UserError
from gan_jax.types import Augment

ADD = Action("vectors [B, size]", 2, lambda shape: jnp.zeros(()), jnp.add, lambda value, x: x + value[:, None])
TIMES = Action("vectors [B, size]", 2, lambda shape: jnp.ones(()), jnp.multiply, lambda value, x: x * value[:, None])


def always(action: Action, value: float) -> Transform:
    return Transform("toy", action, 0, lambda numbers, shape, step: jnp.float32(value))


def test_transforms_are_applied_in_order():
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(applied(chain(always(ADD, 1), always(TIMES, 3)), x), 6)
    np.testing.assert_array_equal(applied(chain(always(TIMES, 3), always(ADD, 1)), x), 4)


def test_an_action_may_describe_its_data_in_any_words():
    plain = ADD._replace(data="vectors")
    np.testing.assert_array_equal(applied(chain(always(plain, 1)), np.ones((2, 3), np.float32)), 2)
    with pytest.raises(UserError, match=r"toy augments vectors, 2 axes in all, the data are \[2, 3, 1\]"):
        applied(chain(always(plain, 1)), np.ones((2, 3, 1)))


def counting(by: float) -> Augment:
    """Adds a count to examples, which grows each turn."""
    return Augment(
        init=lambda: {"count": jnp.float32(0)},
        apply=lambda state, keys, x, step: x + state["count"],
        advance=lambda state, game: {"count": state["count"] + by},
    )


def test_augmentations_stand_between_transforms_in_order_each_with_its_own_state():
    whole = chain(always(ADD, 1), counting(10), always(TIMES, 3), counting(100), counting(200))
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(applied(whole, x), 6)
    state = whole.advance(whole.advance(whole.init(), None), None)
    assert [float(count) for count in jax.tree.leaves(state)] == [20, 200, 400]
    assert jax.tree.structure(state) == jax.tree.structure(whole.init())
    np.testing.assert_array_equal(whole.apply(state, keys(2), x, 0), (1 + 1 + 20) * 3 + 200 + 400)


def test_one_augmentation_alone_is_itself_and_transforms_alone_have_no_state():
    own = counting(1)
    assert chain(own) is own
    assert chain(always(ADD, 1), always(TIMES, 2)).init() == ()


def test_an_augmentation_appearing_twice_is_applied_twice_by_different_numbers():
    noise = Augment(
        init=tuple,
        apply=lambda state, keys, x, step: x + jax.vmap(lambda key: jax.random.normal(key, x.shape[1:]))(keys),
        advance=lambda state, game: state,
    )
    once, twice = (applied(whole, np.zeros((2000, 1), np.float32)) for whole in (chain(noise), chain(noise, noise)))
    assert np.std(twice) == pytest.approx(2**0.5 * np.std(once), rel=0.05)


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (augment.flip, r"not the function flip: call it, as in flip\(\)"),
        (0.5, "not float 0.5"),
        ([augment.flip()], r"not list \[Transform"),
    ],
)
def test_what_is_no_augmentation_is_refused_by_chain(part, message):
    with pytest.raises(
        UserError, match=rf"^chain takes transforms and augmentations, such as augment.flip\(\), {message}"
    ):
        chain(augment.rotate(), part)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((augment.flip(), 0.5), r"^sometimes: the probability comes first, as in sometimes\(0.5, augment.flip\(\)\)$"),
        ((augment.flip, 0.5), "^sometimes takes a transform, .*, not float 0.5$"),
        ((0.5, augment.flip), r"^sometimes takes a transform, .*, not the function flip: call it, as in flip\(\)$"),
        ((0.5, augment.ada()), "^sometimes takes one transform, not a whole augmentation: put sometimes around each"),
    ],
)
def test_sometimes_of_something_else_is_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        sometimes(*arguments)


def test_an_empty_chain_changes_nothing():
    x = np.ones((2, 3), np.float32)
    np.testing.assert_array_equal(applied(chain(), x), x)


def test_neighbours_with_one_action_are_applied_at_once():
    calls = []

    def add(value: jax.Array, x: jax.Array) -> jax.Array:
        calls.append(value)
        return x + value[:, None]

    counted = ADD._replace(apply=add)
    whole = chain(always(counted, 1), always(counted, 2), always(TIMES, 2), always(counted, 3))
    np.testing.assert_array_equal(applied(whole, np.zeros((2, 3), np.float32)), 9)
    assert len(calls) == 2


def test_geometric_transforms_fuse_only_on_one_background():
    reflected, black, white = (
        [transform(background=background).action for transform in (augment.scale, augment.rotate)]
        for background in (None, -1, [1, 1, 1])
    )
    assert augment.scale().action is reflected[0] is reflected[1]
    assert black[0] is black[1] is augment.scale(background=-1.0).action
    assert white[0] is white[1]
    assert reflected[0] is not black[0] is not white[0]
    assert augment.clips.frames(augment.scale()).action is augment.clips.frames(augment.rotate()).action


@pytest.mark.parametrize(
    "p", [0.0, 0.3, 1.0, lambda step: 0.3, jnp.float32(0.3)], ids=["0", "0.3", "1", "schedule", "array"]
)
def test_sometimes_transforms_the_given_share(p):
    share = np.mean(drawn(sometimes(p, always(ADD, 1)), (3,)))
    expected = 0.3 if callable(p) or p not in (0, 1) else p
    assert share == pytest.approx(expected, abs=0 if expected in (0, 1) else 0.03)


def test_probabilities_multiply():
    assert np.mean(drawn(sometimes(0.5, sometimes(0.4, always(ADD, 1))), (3,))) == pytest.approx(0.2, abs=0.03)


def test_a_probability_may_be_a_schedule_of_the_step():
    whole = chain(sometimes(lambda step: jnp.where(step < 10, 0.0, 1.0), always(ADD, 1)))
    x = jnp.zeros((2, 3))
    np.testing.assert_array_equal(whole.apply((), keys(2), x, jnp.int32(9)), 0)
    np.testing.assert_array_equal(whole.apply((), keys(2), x, jnp.int32(10)), 1)


def test_the_gate_and_the_parameters_are_independent():
    params = drawn(sometimes(0.5, augment.brightness()), (8, 8, 3))[:, 0, 3]
    chosen = params[params != 0]
    assert abs(np.mean(chosen)) < 0.02
    assert np.std(chosen) == pytest.approx(0.2, rel=0.06)


@pytest.mark.parametrize("p", [-0.1, 1.5])
def test_a_probability_out_of_range_is_refused(p):
    with pytest.raises(UserError, match=f"probability {p} of flip: it must be from 0 to 1"):
        sometimes(p, augment.flip())


@pytest.mark.parametrize(
    "transform", [augment.scale(), augment.voxels.flip(), augment.sounds.gain(), augment.clips.reverse()]
)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_data_of_another_rank_are_refused(transform, shape):
    if len(shape) + 1 == transform.action.axes:
        return
    with pytest.raises(UserError, match=f"{transform.name} augments {transform.action.data.split()[0]}.* the data are"):
        applied(transform, examples(2, shape))


def test_a_tree_of_examples_is_refused_by_the_names_of_its_parts():
    x = {"code": jnp.ones((2, 3)), "image": jnp.ones((2, 8, 8, 1))}
    with pytest.raises(UserError, match="takes one array of examples, these have the parts code, image"):
        augment.ada().apply((), keys(2), x, jnp.int32(0))


def test_normal_numbers_are_quantiles():
    from scipy.special import ndtri

    levels = np.linspace(0.001, 0.999, 99).astype(np.float32)
    np.testing.assert_allclose(normal(levels), ndtri(levels.astype(float)), rtol=1e-4, atol=1e-5)
    assert np.isfinite(normal(jnp.array([0.0, 1 - 2**-24]))).all()


def test_an_unchanged_example_beside_changed_ones_is_the_same_to_the_last_bit():
    x = examples(16, (8, 8, 3))
    seen = applied(sometimes(0.5, fixed(augment.rotate(), 0.3)), x)
    same = (seen == x).all((1, 2, 3))
    assert 0 < same.sum() < 16
    assert np.abs(seen - x)[~same].max((1, 2, 3)).min() > 0.1
