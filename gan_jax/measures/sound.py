"""Measures of sounds, in the features of a network."""

from gan_jax.measures.image import images
from gan_jax.types import Features, Measure


def sounds(features: Features, *, best: str = "frechet_distance", num: int = 1000) -> Measure:
    """The figures of `images`, of sounds [N, T, 1]: nothing in them is of images but the features."""
    measure = images(features, best=best, num=num)
    return measure._replace(protocol=lambda real: measure.protocol(real) | {"measure": "sounds"})
