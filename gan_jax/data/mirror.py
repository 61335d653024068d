"""Examples mirrored at random: twice the data, where left and right are alike."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.source import Source, parts
from gan_jax.types import Array, Batch


def mirror(source: Source, axis: int) -> Source:
    """The examples of a source, half of them mirrored along one of their axes: 1 is the width of images [H, W, C], 0
    that of voxels [side, side, side, 1].

    Its splits are the source's own, unmirrored.
    """

    def stream(key: Array, first_step: int, batch_size: int, places: np.ndarray | None = None) -> Iterator[Batch]:
        data_key, mirror_key = jax.random.split(key)
        own = np.arange(batch_size) if places is None else places
        for step, batch in enumerate(source.stream(data_key, first_step, batch_size, places), first_step):
            yield batch._replace(x=mirrored(batch.x, jax.random.fold_in(mirror_key, step), own))

    @jax.jit
    def mirrored(x: Array, key: Array, places: np.ndarray) -> Array:
        keys = jax.vmap(jax.random.fold_in, (None, 0))(key, places)
        chosen = jax.vmap(jax.random.bernoulli)(keys).reshape(-1, *[1] * (x.ndim - 1))
        return jnp.where(chosen, jnp.flip(x, axis + 1), x)

    return source._replace(stream=stream, split=parts(source))
