"""Views: how samples of each kind become files to look at, listen to or read."""

from gan_jax.views.image import images
from gan_jax.views.line import text
from gan_jax.views.pairs import beside
from gan_jax.views.parts import part
from gan_jax.views.point import points
from gan_jax.views.recipes import view_of
from gan_jax.views.shape import shapes
from gan_jax.views.sound import sounds
from gan_jax.views.video import videos

__all__ = ["beside", "images", "part", "points", "shapes", "sounds", "text", "videos", "view_of"]
