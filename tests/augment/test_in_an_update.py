"""ADA in a real update: on one device, under a mesh and under pmap."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import conditional_perceptron

from gan_jax import augment, losses, parallel, penalties, priors
from gan_jax.objectives import add
from gan_jax.types import Batch, Players
from gan_jax.update import make_init, make_update

SHAPE, BATCH = (4, 4, 1), 16


@pytest.mark.exhaustive
def test_adaptive_augmentation_is_the_same_on_every_number_of_devices():
    nets = Players(conditional_perceptron(), conditional_perceptron(SHAPE))
    objective = add(adversarial=losses.hinge(), r1=penalties.r1())
    optimizers, prior = Players(optax.sgd(0.02), optax.sgd(0.02)), priors.normal(2)
    ada = augment.adaptive(augment.ada, BATCH, target=-0.9, horizon=2 * BATCH)
    rng = np.random.default_rng(0)
    x = jnp.asarray(rng.uniform(-1, 1, (2, BATCH, *SHAPE)), jnp.float32)
    batch = Batch(x, jnp.zeros((2, BATCH), jnp.int32))
    batches = Players(batch, jax.tree.map(lambda a: a[:1], batch))
    example = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[2:], a.dtype), batch)
    first = jax.jit(make_init(nets, objective, optimizers, prior, example, augment=ada))(jax.random.key(0))
    first = first._replace(augment={"p": jnp.float32(0.25)})

    def update(axis_name):
        return make_update(nets, objective, optimizers, prior, augment=ada, critic_steps=2, axis_name=axis_name)

    expected = jax.device_get(jax.jit(update(None))(first, batches, jax.random.key(1)))
    assert expected[1]["augment/p"].shape == ()
    assert abs(float(expected[0].augment["p"]) - 0.25) > 0.4  # two turns of half the range, or clipped at 0
    for way in (parallel.jit(update(None), parallel.make_mesh()), parallel.pmap(update(parallel.AXIS))):
        state = jax.device_put(jax.tree.map(jnp.copy, first), parallel.everywhere(parallel.make_mesh()))
        got = jax.device_get(way(state, batches, jax.random.key(1)))
        chex.assert_trees_all_close(got[0], expected[0], rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(got[1]["augment/p"], expected[1]["augment/p"])
