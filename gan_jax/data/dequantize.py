"""Noise that makes 8-bit images continuous, as the WGAN-GP and SNGAN codes have it."""

from collections.abc import Iterator

import jax

from gan_jax.data.source import Source
from gan_jax.types import Array, Batch


def dequantize(source: Source) -> Source:
    """The images of a source, p / 128 - 1 + U(0, 1/128) for each 8-bit pixel p: in [-1, 1).

    Gulrajani 2017, gan_cifar_resnet.py; Miyato 2018.
    """

    def stream(key: Array, first_step: int, batch_size: int) -> Iterator[Batch]:
        data_key, noise_key = jax.random.split(key)
        batches = source.stream(data_key, first_step, batch_size)
        for step, batch in enumerate(batches, first_step):
            yield batch._replace(x=add_noise(batch.x, jax.random.fold_in(noise_key, step)))

    return source._replace(stream=stream)


@jax.jit
def add_noise(x: Array, key: Array) -> Array:
    pixel = (x + 1) * 127.5
    return (pixel + jax.random.uniform(key, x.shape)) / 128 - 1
