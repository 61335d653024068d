"""WaveGAN: the paper's shapes, and phase shuffle."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.nets import wavegan
from gan_jax.nets.wavegan import PhaseShuffle
from gan_jax.types import Mode

KEYS = jax.random.split(jax.random.key(3), 64)
X = jnp.asarray(np.random.default_rng(0).normal(size=(64, 9, 2)), jnp.float32)


def shuffled(x, keys, radius=2):
    return PhaseShuffle(radius).apply({}, x, Mode(train=True, keys=keys))


def moved(x: np.ndarray, step: int) -> np.ndarray:
    """Shifts [T, C] by step, reflecting at the ends."""
    places = np.abs(np.arange(len(x)) + step)
    return x[np.minimum(places, 2 * (len(x) - 1) - places)]


def test_parameters_number_what_the_papers_layers_have():
    def count(network, x):
        params, stats = jax.eval_shape(network.init, jax.random.key(0), x, None)
        assert stats == {}
        return sum(leaf.size for leaf in jax.tree.leaves(params))

    # Donahue et al. 2019, tables 3 and 4, with d = 64, c = 1: kernels and biases, layer by layer
    up = [(1024, 512), (512, 256), (256, 128), (128, 64), (64, 1)]
    down = [(1, 64), (64, 128), (128, 256), (256, 512), (512, 1024)]
    generator = 100 * 16_384 + 16_384 + sum(25 * i * o + o for i, o in up)
    critic = sum(25 * i * o + o for i, o in down) + 16_384 + 1
    assert count(wavegan.generator(), jnp.zeros((1, 100))) == generator
    assert count(wavegan.critic(), jnp.zeros((1, 16_384, 1))) == critic


@pytest.mark.parametrize("length", [1024, 3072])
def test_sounds_have_the_length_asked_for_and_lie_between_minus_one_and_one(length):
    network = wavegan.generator(width=2, length=length)
    z = jax.random.normal(jax.random.key(0), (3, 5))
    x = jax.jit(lambda z: network.apply(*network.init(jax.random.key(0), z, None), z, None, Mode())[0])(100 * z)
    assert x.shape == (3, length, 1)
    assert 0.5 < jnp.abs(x).max() <= 1


def test_a_length_that_five_layers_can_not_make_is_refused():
    with pytest.raises(ValueError, match=r"length 16000: .* multiples of 1024, such as 16384"):
        wavegan.generator(length=16_000)


def test_a_logit_depends_on_its_own_example_only():
    network = wavegan.critic(width=2)
    x = jax.random.normal(jax.random.key(1), (3, 1024, 1))
    params, stats = jax.jit(network.init)(jax.random.key(0), x, None)
    mode = Mode(train=True, keys=KEYS[:3])
    slopes = jax.jit(jax.jacrev(lambda x: network.apply(params, stats, x, None, mode)[0]))(x)
    norms = jnp.sqrt(jnp.sum(slopes**2, (2, 3)))
    assert (jnp.diagonal(norms) > 0).all()
    np.testing.assert_array_equal(norms * (1 - jnp.eye(3)), np.zeros((3, 3)))


def test_each_example_is_moved_by_its_own_step_and_reflected_at_its_ends():
    y = np.asarray(shuffled(X, KEYS))
    steps = [[step for step in range(-2, 3) if np.array_equal(y[i], moved(np.asarray(X[i]), step))] for i in range(64)]
    assert all(len(found) == 1 for found in steps)
    counts = np.bincount([step + 2 for (step,) in steps], minlength=5)
    assert (counts >= 3).all()  # the mean is 12.8


def test_steps_are_the_same_however_the_batch_is_split_and_in_every_pass_of_a_turn():
    whole = shuffled(X, KEYS)
    parts = [shuffled(X[i : i + 32], KEYS[i : i + 32]) for i in (0, 32)]
    np.testing.assert_array_equal(whole, jnp.concatenate(parts))
    y, vjp = jax.vjp(lambda x: shuffled(x, KEYS), X)
    np.testing.assert_array_equal(y, whole)
    (back,) = vjp(y)
    np.testing.assert_allclose(jnp.vdot(back, X), jnp.vdot(y, y), rtol=1e-5)  # the transpose of the same move


def test_layers_are_moved_by_steps_of_their_own():
    class Two(nn.Module):
        @nn.compact
        def __call__(self, x, mode):
            return PhaseShuffle(2)(x, mode), PhaseShuffle(2)(x, mode)

    one, other = Two().apply({}, X, Mode(train=True, keys=KEYS))
    same = (one == other).all((1, 2)).sum()
    assert 2 <= same <= 26  # the mean is a fifth of 64


def test_nothing_is_moved_in_evaluation_or_by_a_radius_of_zero():
    assert PhaseShuffle(2).apply({}, X, Mode(keys=KEYS)) is X
    assert shuffled(X, KEYS, 0) is X
    assert shuffled(X.astype(jnp.bfloat16), KEYS).dtype == jnp.bfloat16
    with pytest.raises(ValueError, match=r"mode\.keys"):
        shuffled(X, None)
