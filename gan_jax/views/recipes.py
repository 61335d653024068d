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
        case {"kind": "sounds", "rate": int(rate)} if 1 < rate <= 1_000_000:
            return sounds(rate)
        case {"kind": "text", "alphabet": str(alphabet), "words": list(words)} if all(map(is_word, words)):
            return text(alphabet, frozenset(words))
    raise UserError(f"no view is made by {str(recipe)[:80]}: a newer gan_jax may have written it")


def check_view(view: View, shape: tuple[int, ...]) -> None:
    """Raises UserError if a view that was made from a recipe can't show samples of a shape."""
    match view.recipe, shape:
        case {"kind": "images"}, (_, _, 1 | 3):
            return
        case {"kind": "videos"}, (_, _, _, 1 | 3):
            return
        case {"kind": "shapes"}, (height, width, depth, 1) if height == width == depth:
            return
        case {"kind": "sounds"}, (_, 1):
            return
        case {"kind": "text", "alphabet": alphabet}, (_, letters) if letters == len(alphabet):
            return
        case {"kind": "points"}, (_,):
            return
    raise UserError(f"its samples {list(shape)} aren't {(view.recipe or {}).get('kind')}")


def is_word(word: Any) -> bool:
    return isinstance(word, str)
