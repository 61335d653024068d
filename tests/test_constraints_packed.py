"""Packing: a critic of packs is the critic of joined examples, and its loss is the mean over packs."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from toys import HINGE

from gan_jax import losses, penalties, priors
from gan_jax.constraints import packed, spectral_norm
from gan_jax.nets import dcgan, mlp
from gan_jax.objectives import add
from gan_jax.types import Batch, Mode, Network, Players
from gan_jax.update import make_init, make_update

KEY = jax.random.key(0)


def total() -> Network:
    """Logits are sums, so they show the contents of a pack."""
    return Network(lambda *_: ({}, {}), lambda params, stats, x, condition, mode: (x.reshape(len(x), -1).sum(1), stats))


def test_each_example_gets_the_logit_of_its_pack_of_neighbours():
    x = jnp.arange(12.0).reshape(6, 2)
    logits, _ = packed(total(), 3).apply({}, {}, x, None, Mode())
    np.testing.assert_array_equal(logits, [15.0] * 3 + [51.0] * 3)


def test_packs_are_joined_along_the_channels():
    shapes = []

    def apply(params, stats, x, condition, mode):
        shapes.append(x.shape)
        np.testing.assert_array_equal(x[0, ..., 1], 1.0)
        return x[:, 0, 0, 0], stats

    images = jnp.stack([jnp.full((4, 4, 1), value) for value in (0.0, 1.0, 2.0, 3.0)])
    logits, _ = packed(Network(None, apply), 2).apply({}, {}, images, None, Mode())
    assert shapes == [(2, 4, 4, 2)]
    np.testing.assert_array_equal(logits, [0, 0, 2, 2])


def test_a_pack_of_one_is_the_critic_itself():
    critic = mlp.critic(width=8)
    x = jax.random.normal(KEY, (4, 2))
    params, stats = critic.init(KEY, x[:1], None)
    alone = packed(critic, 1)
    assert not alone.mixes_examples(stats)
    np.testing.assert_array_equal(
        alone.apply(params, stats, x, None, Mode())[0], critic.apply(params, stats, x, None, Mode())[0]
    )


def test_a_pack_has_one_dropout_mask_whose_key_is_its_first_examples():
    critic = packed(dcgan.critic(width=2, dropout=0.5), 2)
    x = jax.random.normal(KEY, (4, 8, 8, 1))
    params, stats = critic.init(KEY, x[:1], None)
    keys = jax.random.split(KEY, 4)
    one = critic.apply(params, stats, x, None, Mode(train=True, keys=keys))[0]
    other = critic.apply(params, stats, x, None, Mode(train=True, keys=keys[jnp.array([0, 0, 2, 2])]))[0]
    np.testing.assert_array_equal(one, other)


def update_of(critic: Network, objective=HINGE):
    nets = Players(critic, mlp.generator(width=8))
    sgd = Players(optax.sgd(0.1), optax.sgd(0.1))
    x = jax.random.normal(KEY, (1, 8, 2))
    init = make_init(nets, objective, sgd, priors.normal(2), Batch(jax.ShapeDtypeStruct((2,), jnp.float32)))
    update = make_update(nets, objective, sgd, priors.normal(2))
    return update(init(KEY), Players(Batch(x), Batch(x)), KEY)


def test_a_game_with_packs_of_two_trains_both_players():
    state, metrics = update_of(packed(spectral_norm(mlp.critic(width=8)), 2))
    assert "spectral" in state.stats.critic
    assert metrics["critic/gradient_norm"] > 0
    assert metrics["generator/gradient_norm"] > 0


@pytest.mark.parametrize("wrap", [lambda c: packed(c, 2), lambda c: spectral_norm(packed(c, 2))])
def test_a_penalty_of_a_packed_critic_is_refused(wrap):
    objective = add(adversarial=losses.wasserstein(), gp=penalties.gradient_penalty())
    with pytest.raises(ValueError, match="batch statistics or is packed, so its logits mix the examples"):
        update_of(wrap(mlp.critic(width=8)), objective)


def test_packs_that_do_not_fit_are_refused():
    x = jnp.zeros((5, 2))
    with pytest.raises(ValueError, match="5 examples on a device don't make packs of 2"):
        packed(total(), 2).apply({}, {}, x, None, Mode())
    with pytest.raises(ValueError, match="packs of 0"):
        packed(total(), 0)
    with pytest.raises(ValueError, match="a packed critic has no condition"):
        packed(total(), 5).apply({}, {}, x, jnp.zeros(5, jnp.int32), Mode())
