"""Every augmentation: exact identity at p = 0, and one result under jit, vmap, scan and pmap, on any devices."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from augmentations import SHAPES, STEP, TRANSFORMS, WHOLES, all_of, applied, examples, keys
from jax.sharding import PartitionSpec

from gan_jax import augment, parallel
from gan_jax.augment.algebra import chain, sometimes

BATCH = 8
QUICK = {"images", "voxels", "sounds"}  # clips and the pipelines are of the same code as images, and slow
each = pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.exhaustive) for name in WHOLES]
)


@functools.cache
def plain(name):
    """A batch as the critic sees it, by one jit. ADA in the middle of its range."""
    whole, shape = WHOLES[name]
    return np.asarray(jax.jit(whole.apply)(state(name), keys(BATCH), examples(BATCH, shape), STEP))


def state(name):
    return jax.tree.map(lambda p: p + 0.5, WHOLES[name].augment.init())


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.exhaustive) if kind == "clips" else kind for kind in SHAPES]
)
def test_transforms_with_probability_0_change_no_bit(kind):
    x = examples(BATCH, SHAPES[kind])
    never = [sometimes(0, transform) for transform in all_of(kind)]
    np.testing.assert_array_equal(applied(chain(*never), x), x)


@pytest.mark.parametrize("pipeline", [augment.ada(0, corrupt=1.0), augment.adaptive(augment.ada, batch_size=4)])
@pytest.mark.parametrize("channels", [pytest.param(1, marks=pytest.mark.exhaustive), 3])
def test_a_pipeline_at_p_0_changes_no_bit(pipeline, channels):
    x = examples(BATCH, (12, 12, channels))
    np.testing.assert_array_equal(applied(pipeline, x), x)


def test_every_transform_is_found():
    of_images = {name.removeprefix("clips.frames(").removesuffix(")") for name in TRANSFORMS if "frames" in name}
    assert of_images == {transform.name for transform in all_of("images")}
    assert {"rotate90", "cutout", "sounds.shift", "voxels.flip", "clips.reverse"} < set(TRANSFORMS)
    assert len(TRANSFORMS) >= 34


@each
def test_it_changes_examples_and_keeps_their_shape_and_type(name):
    x = examples(BATCH, WHOLES[name].shape)
    seen = plain(name)
    assert seen.shape == x.shape
    assert seen.dtype == x.dtype
    assert np.isfinite(seen).all()
    assert (seen != x).any()


@each
def test_each_example_depends_on_itself_and_its_own_key_alone(name):
    whole, shape = WHOLES[name]
    x = examples(BATCH, shape)
    some = np.array([5, 2])
    seen = jax.jit(whole.apply)(state(name), keys(BATCH)[some], x[some], STEP)
    np.testing.assert_allclose(seen, plain(name)[some], rtol=1e-5, atol=1e-5)


@each
def test_seeds_under_vmap_and_steps_under_scan_see_the_same(name):
    whole, shape = WHOLES[name]
    x, start = examples(BATCH, shape), state(name)
    apply = functools.partial(whole.apply, start)
    seeds = jnp.stack([keys(BATCH, 3), keys(BATCH)])
    both = jax.jit(jax.vmap(apply, (0, None, None)))(seeds, x, STEP)
    np.testing.assert_allclose(both[1], plain(name), rtol=1e-5, atol=1e-5)
    scanned = jax.lax.map(lambda given: apply(given, x, STEP), seeds)
    np.testing.assert_allclose(scanned, both, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "name",
    [name if name in {"voxels", "sounds"} else pytest.param(name, marks=pytest.mark.exhaustive) for name in WHOLES],
)
def test_eight_devices_see_the_same_under_a_mesh_and_pmap(name):
    whole, shape = WHOLES[name]
    x, start = examples(BATCH, shape), state(name)
    place = jax.NamedSharding(parallel.make_mesh(), PartitionSpec(parallel.AXIS))
    split = jax.jit(whole.apply)(start, *jax.device_put((keys(BATCH), x), place), STEP)
    np.testing.assert_allclose(split, plain(name), rtol=1e-5, atol=1e-5)
    devices = jax.device_count()
    mapped = jax.pmap(whole.apply, in_axes=(None, 0, 0, None))
    spread = jax.tree.map(lambda a: a.reshape(devices, BATCH // devices, *a.shape[1:]), (keys(BATCH), x))
    np.testing.assert_allclose(mapped(start, *spread, STEP).reshape(x.shape), plain(name), rtol=1e-5, atol=1e-5)


@pytest.mark.exhaustive
@each
def test_gradients_of_first_and_second_order_equal_finite_differences(name):
    whole, shape = WHOLES[name]
    with jax.enable_x64(True):
        x = jnp.asarray(examples(2, shape), jnp.float64)
        direction = jnp.asarray(np.random.default_rng(1).normal(size=x.shape))
        start = jax.tree.map(jnp.asarray, jax.device_get(state(name)))

        def critic(x):
            return jnp.sum(jnp.sin(whole.apply(start, keys(2), x, STEP)))

        def slope(x):
            return jnp.sum(jax.grad(critic)(x) * direction)

        def forward(f, x):
            return jax.jvp(f, (x,), (direction,))

        # one program each for values and slopes, as two programs may round the parameters differently
        at = jax.jit(lambda t: (critic(x + t * direction), slope(x + t * direction)))
        step = 1e-5
        up, down = at(step), at(-step)
        first, (_, second), (_, forwards) = jax.jit(lambda: (slope(x), forward(slope, x), forward(critic, x)))()
        close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-4)
        close(first, (up[0] - down[0]) / (2 * step))
        close(second, (up[1] - down[1]) / (2 * step))
        close(forwards, first)
