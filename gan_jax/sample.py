"""Drawing from a trained generator. Sample i of a key is the same however many are drawn."""

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.types import Array, Mode, Network, Prior, Variables

CHUNK = 64  # always drawn at once: one program, whose rounding doesn't depend on the number asked for


def make_sampler(generator: Network, prior: Prior, classes: int) -> Callable[[Variables, Array, int], np.ndarray]:
    """Returns (variables, key, count) -> samples [count, ...]; with labels, sample i is of class i mod `classes`."""
    draw = make_draw(generator, prior, classes)
    return lambda variables, key, count: np.concatenate(list(draw(variables, key, count)))


def make_draw(
    generator: Network, prior: Prior, classes: int
) -> Callable[[Variables, Array, int], Iterator[np.ndarray]]:
    """Returns (variables, key, count) -> the same samples in batches, for more than memory holds."""

    @jax.jit
    def chunk(variables: Variables, key: Array, first: Array) -> Array:
        number = first + jnp.arange(CHUNK)
        latent_keys, network_keys = jax.vmap(jax.random.split, out_axes=1)(
            jax.vmap(jax.random.fold_in, (None, 0))(key, number)
        )
        label = number % classes if classes else None
        mode = Mode(train=False, keys=network_keys)
        return generator.apply(*variables, jax.vmap(prior)(latent_keys), label, mode)[0]

    def draw(variables: Variables, key: Array, count: int) -> Iterator[np.ndarray]:
        for first in range(0, count, CHUNK):
            yield np.asarray(chunk(variables, key, jnp.int32(first)))[: count - first]

    return draw
