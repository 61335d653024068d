"""Measures of sounds, in the features of a network."""

from gan_jax.measures.image import images
from gan_jax.types import Features, Measure


def sounds(features: Features, *, best: str = "frechet_distance", num: int = 1000) -> Measure:
    """Measure sounds [N, T, 1] by the figures of `images`, which depend on images only through the features.

    Args:
      features: The network that gives features, and logits for the score.
      best: The figure that chooses the best checkpoint, as for `images`.
      num: The number of samples, by default.
    """
    measure = images(features, best=best, num=num)
    return measure._replace(protocol=lambda real: measure.protocol(real) | {"measure": "sounds"})
