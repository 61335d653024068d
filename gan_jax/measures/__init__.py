"""Measures: the figures that `gan-jax evaluate` prints for each kind of data. An experiment names one of them."""

from gan_jax.measures.image import images, stacked
from gan_jax.measures.line import text
from gan_jax.measures.point import mixture, plane
from gan_jax.measures.shape import shapes
from gan_jax.measures.sound import sounds
from gan_jax.measures.video import videos

__all__ = ["images", "mixture", "plane", "shapes", "sounds", "stacked", "text", "videos"]
