"""Transforms of sources, example by example: noise that makes 8-bit images continuous, and random mirroring."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.source import Source, parts
from gan_jax.errors import UserError
from gan_jax.keys import fold_each
from gan_jax.types import Array, Batch


def dequantize(source: Source) -> Source:
    """Make the images of a source continuous: p / 128 - 1 + U(0, 1/128) for each 8-bit pixel p, in [-1, 1).

    Splits of the result are the source's own, without noise.

    Args:
      source: Images [H, W, C] that were uint8.

    Gulrajani et al. 2017, gan_cifar_resnet.py; Miyato et al. 2018.
    """

    def stream(key: Array, first_step: int, batch_size: int, places: np.ndarray | None = None) -> Iterator[Batch]:
        data_key, noise_key = jax.random.split(key)
        own = np.arange(batch_size) if places is None else places
        for step, batch in enumerate(source.stream(data_key, first_step, batch_size, places), first_step):
            yield batch._replace(x=add_noise(batch.x, jax.random.fold_in(noise_key, step), own))

    return source._replace(stream=stream, split=parts(source))


@jax.jit
def add_noise(x: Array, key: Array, places: np.ndarray) -> Array:
    keys = fold_each(key, places)
    draws = jax.vmap(lambda key: jax.random.bits(key, x.shape[1:], jnp.uint16))(keys)
    pixel = jnp.round((x + 1) * 127.5)
    return (pixel + draws / np.float32(2**16)) / 128 - 1  # exact: noise of more bits would round up to the next pixel


def mirror(source: Source, axis: int) -> Source:
    """Mirror a random half of the examples of a source along one of their axes.

    Splits of the result are the source's own, unmirrored.

    Args:
      source: Any data set of arrays.
      axis: The axis of an example: 1 is the width of images [H, W, C], 0 that of voxels [side, side, side, 1].

    Raises:
      UserError: The examples have conditions other than class numbers.
    """
    if source.example.condition is not None and not source.classes:
        raise UserError(f"{source.name}: mirror the examples first, and then give them conditions, which fit them")

    def stream(key: Array, first_step: int, batch_size: int, places: np.ndarray | None = None) -> Iterator[Batch]:
        data_key, mirror_key = jax.random.split(key)
        own = np.arange(batch_size) if places is None else places
        for step, batch in enumerate(source.stream(data_key, first_step, batch_size, places), first_step):
            yield batch._replace(x=mirrored(batch.x, jax.random.fold_in(mirror_key, step), own))

    @jax.jit
    def mirrored(x: Array, key: Array, places: np.ndarray) -> Array:
        keys = fold_each(key, places)
        chosen = jax.vmap(jax.random.bernoulli)(keys).reshape(-1, *[1] * (x.ndim - 1))
        return jnp.where(chosen, jnp.flip(x, axis + 1), x)

    return source._replace(stream=stream, split=parts(source))
