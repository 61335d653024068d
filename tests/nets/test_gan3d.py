"""3D-GAN: the paper's shapes, and a critic that treats each example by itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets import gan3d
from gan_jax.nets.layers import BatchNorm
from gan_jax.types import Mode


def shapes_of(tree):
    return {jax.tree_util.keystr(path, simple=True, separator="/"): leaf.shape for path, leaf in
            jax.tree.leaves_with_path(tree)}  # fmt: skip


def test_the_papers_networks_have_its_channels():
    z, x = jax.ShapeDtypeStruct((2, 200), jnp.float32), jax.ShapeDtypeStruct((2, 64, 64, 64, 1), jnp.float32)
    generator, critic = gan3d.generator(side=64), gan3d.critic(norm=BatchNorm)
    params, stats = jax.eval_shape(lambda z: generator.init(jax.random.key(0), z, None), z)
    kernels = [params["Dense_0"], *(params[f"ConvTranspose_{i}"] for i in range(4))]
    assert [k["kernel"].shape[-1] for k in kernels] == [64 * 512, 256, 128, 64, 1]
    (y, _), (params, stats) = (
        jax.eval_shape(lambda p, s, z: generator.apply(p, s, z, None, Mode(train=True)), params, stats, z),
        jax.eval_shape(lambda x: critic.init(jax.random.key(0), x, None), x),
    )
    assert y.shape == x.shape
    assert [params[f"Conv_{i}"]["kernel"].shape[-1] for i in range(4)] == [64, 128, 256, 512]
    assert len(stats["batch_stats"]) == 3


def test_voxels_lie_in_the_open_interval_and_differ():
    net = gan3d.generator(width=2, side=8)
    z = jax.random.normal(jax.random.key(0), (4, 5))
    params, stats = net.init(jax.random.key(1), z, None)
    y, _ = net.apply(params, stats, z, None, Mode(train=True))
    assert y.shape == (4, 8, 8, 8, 1)
    assert jnp.abs(y).max() < 1
    assert not np.allclose(y[0], y[1])


def test_the_critic_of_a_penalty_judges_each_example_by_itself():
    net = gan3d.critic(width=2)
    x = jax.random.normal(jax.random.key(0), (3, 8, 8, 8, 1))
    params, stats = net.init(jax.random.key(1), x, None)
    slopes = jax.jacobian(lambda x: net.apply(params, stats, x, None, Mode(train=True))[0])(x)
    for i, j in np.ndindex(3, 3):
        assert (jnp.abs(slopes[i, j]).max() > 0) == (i == j)


@pytest.mark.parametrize("side", [4, 12, 31])
def test_a_side_that_is_no_power_of_two_times_four_is_refused(side):
    with pytest.raises(ValueError, match=f"{side} a side"):
        gan3d.generator(side=side)
    with pytest.raises(ValueError, match="a side"):
        gan3d.critic().init(jax.random.key(0), jnp.zeros((1, side, side, side, 1)), None)
