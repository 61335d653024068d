"""The networks of video: shapes, widths, time, and recurrence."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets import convlstm, vgan
from gan_jax.types import Mode

KEY = jax.random.key(0)
GENERATORS = pytest.mark.parametrize("family", [vgan, convlstm], ids=["vgan", "convlstm"])


def normal(*shape):
    return jax.random.normal(KEY, shape)


@GENERATORS
@pytest.mark.parametrize("shape", [(16, 32, 32, 1), (16, 64, 64, 3), (8, 32, 64, 1)], ids=str)
def test_a_clip_has_the_shape_asked_for(family, shape):
    generator, critic = family.generator(width=4, shape=shape), vgan.critic(width=4, shape=shape)
    z, x = jax.ShapeDtypeStruct((2, 10), jnp.float32), jax.ShapeDtypeStruct((2, *shape), jnp.float32)
    params, stats = jax.eval_shape(generator.init, KEY, z, None)
    made, _ = jax.eval_shape(lambda p, s, z: generator.apply(p, s, z, None, Mode(train=True)), params, stats, z)
    assert made.shape == x.shape
    params, stats = jax.eval_shape(critic.init, KEY, x, None)
    assert jax.eval_shape(lambda p, s, x: critic.apply(p, s, x, None, Mode())[0], params, stats, x).shape == (2,)


@GENERATORS
def test_samples_lie_in_the_range_and_depend_on_z(family):
    generator = family.generator(width=2, shape=(4, 16, 16, 1))
    z = normal(3, 5)
    params, stats = generator.init(KEY, z, None)
    clips, _ = generator.apply(params, stats, z.at[1].set(z[0]), None, Mode())
    assert np.abs(clips).max() < 1
    np.testing.assert_allclose(clips[0], clips[1], rtol=1e-5, atol=1e-6)
    assert not np.allclose(clips[0], clips[2], atol=1e-4)


@GENERATORS
def test_frames_of_a_clip_differ(family):
    generator = family.generator(width=4, shape=(8, 16, 16, 1))
    params, stats = generator.init(KEY, normal(4, 10), None)
    clips, _ = generator.apply(params, stats, normal(4, 10), None, Mode(train=True))
    assert (np.abs(np.diff(clips, axis=1)).max((0, 2, 3, 4)) > 1e-5).all()


def test_the_cell_is_linens():
    x, memory, output = (jax.random.normal(key, (2, 4, 4, 3)) for key in jax.random.split(KEY, 3))
    theirs = nn.ConvLSTMCell(3, (3, 3))
    params = theirs.init(KEY, (memory, output), x)
    (expected_memory, expected), _ = theirs.apply(params, (memory, output), x)
    (found_memory, found), _ = convlstm.Cell(3).apply(params, (memory, output), x)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found_memory, expected_memory, rtol=1e-5, atol=1e-6)


def test_the_critic_depends_on_the_order_of_frames():
    critic = vgan.critic(width=4, shape=(8, 16, 16, 1))
    x = normal(3, 8, 16, 16, 1)
    params, stats = critic.init(KEY, x, None)
    forward, backward = (critic.apply(params, stats, clip, None, Mode())[0] for clip in (x, x[:, ::-1]))
    assert not np.allclose(forward, backward, rtol=1e-3)


@pytest.mark.parametrize(
    "shape", [(16, 28, 28, 1), (6, 32, 32, 1), (16, 4, 4, 1), (32, 32, 1), (16, 32, 36, 1)], ids=str
)
def test_shapes_that_cannot_be_halved_are_refused(shape):
    for network in (vgan.generator, vgan.critic):
        with pytest.raises(ValueError, match=r"want \(frames, height, width, channels\)"):
            network(shape=shape)


@pytest.mark.parametrize("shape", [(16, 28, 28, 1), (16, 8, 8, 1), (32, 32, 1), (16, 32, 34, 1)], ids=str)
def test_frames_that_cannot_be_enlarged_to_are_refused(shape):
    with pytest.raises(ValueError, match="sides as 16, 32 or 64"):
        convlstm.generator(shape=shape)
