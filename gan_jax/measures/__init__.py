"""What samples of a kind are measured by: an experiment names one of these, and `gan-jax evaluate` prints its figures.

Each is in the file of its kind.
"""

from gan_jax.measures.image import images as images
from gan_jax.measures.image import stacked as stacked
from gan_jax.measures.line import text as text
from gan_jax.measures.point import mixture as mixture
from gan_jax.measures.point import plane as plane
from gan_jax.measures.shape import shapes as shapes
from gan_jax.measures.sound import sounds as sounds
from gan_jax.measures.video import videos as videos
