"""How samples become files that a person looks at, listens to or reads. Each View is in the file of its kind."""

from gan_jax.views.image import images as images
from gan_jax.views.line import text as text
from gan_jax.views.point import points as points
from gan_jax.views.shape import shapes as shapes
from gan_jax.views.sound import sounds as sounds
from gan_jax.views.video import videos as videos
