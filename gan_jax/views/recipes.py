"""Views as data, to be stored beside a model and made again elsewhere."""

from typing import Any

from gan_jax.errors import UserError
from gan_jax.types import View
from gan_jax.views.image import images
from gan_jax.views.line import text
from gan_jax.views.point import points
from gan_jax.views.shape import shapes
from gan_jax.views.sound import sounds
from gan_jax.views.video import videos


def view_of(recipe: Any) -> View:
    """Makes the view of a `View.recipe`, which may have been read from a file.

    Raises:
      UserError: It is no recipe of ours.
    """
    match recipe:
        case {"kind": "images"}:
            return images
        case {"kind": "points"}:
            return points
        case {"kind": "shapes"}:
            return shapes
        case {"kind": "videos"}:
            return videos
        case {"kind": "sounds", "rate": int(rate)} if 0 < rate <= 1_000_000:
            return sounds(rate)
        case {"kind": "text", "alphabet": str(alphabet), "words": list(words)} if all(map(is_word, words)):
            return text(alphabet, frozenset(words))
    raise UserError(f"no view is made by {str(recipe)[:80]}: a newer gan_jax may have written it")


def is_word(word: Any) -> bool:
    return isinstance(word, str)
