"""Drawing from a trained generator. Sample i of a key is the same however many are drawn."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.types import Array, Mode, Network, Prior, Variables

CHUNK = 64  # always drawn at once: one program, whose rounding doesn't depend on the number asked for


def make_sampler(generator: Network, prior: Prior, classes: int) -> Callable[[Variables, Array, int], np.ndarray]:
    """Returns (variables, key, count) -> samples [count, ...]; with labels, sample i is of class i mod `classes`."""

    @jax.jit
    def chunk(variables: Variables, key: Array, first: Array) -> Array:
        number = first + jnp.arange(CHUNK)
        latent_keys, network_keys = jax.vmap(jax.random.split, out_axes=1)(
            jax.vmap(jax.random.fold_in, (None, 0))(key, number)
        )
        label = number % classes if classes else None
        mode = Mode(train=False, keys=network_keys)
        return generator.apply(*variables, jax.vmap(prior)(latent_keys), label, mode)[0]

    def sample(variables: Variables, key: Array, count: int) -> np.ndarray:
        chunks = [np.asarray(chunk(variables, key, jnp.int32(first))) for first in range(0, count, CHUNK)]
        return np.concatenate(chunks)[:count]

    return sample
