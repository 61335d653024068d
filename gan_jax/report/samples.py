"""New samples of a run's newest checkpoint, as a browser shows them: by the formats that the run's view writes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from gan_jax.errors import UserError
from gan_jax.models.embedded import data_uri, encoded
from gan_jax.models.model import Model
from gan_jax.models.open import model_of
from gan_jax.report.meshes import mesh_of
from gan_jax.runs.folder import Run
from gan_jax.runs.trained import open_trained_to_sample
from gan_jax.storage.provenance import Origin, hash_of
from gan_jax.trees import rows
from gan_jax.types import View

SEED = 0
GAMES = 4  # of a run of several, samples of so many are shown
IN_ONE_PICTURE = 256  # samples, where the view shows them in no other way
MESHES = 6  # on a page: browsers have few WebGL contexts


class Card(NamedTuple):
    """A sample, or all of them, on the page. One or two of the fields are there.

    Attributes:
      caption: Its class or game, if it has one.
      picture: A still, as a data URI, enlarged.
      film: A moving picture, as a data URI.
      sound: A data URI.
      text: Plain text.
      document: An HTML document.
      mesh: Plotly's JSON of a shape.
    """

    caption: str = ""
    picture: str = ""
    film: str = ""
    sound: str = ""
    text: str = ""
    document: str = ""
    mesh: str = ""


class Newest(NamedTuple):
    """The samples of the newest checkpoint.

    Attributes:
      step: The updates done; None if there is no checkpoint that can be opened.
      cards: The samples.
      note: Why there are none, or fewer.
    """

    step: int | None
    cards: list[Card]
    note: str = ""


def newest_samples(run: Run, num: int, runs: int) -> Newest:
    """Draws samples from the generators of the newest checkpoint. It needs no data, and never fails.

    Args:
      run: The run.
      num: Samples of all games together.
      runs: How many runs share the page.
    """
    try:
        trained = open_trained_to_sample(run.folder, "latest")
        finite = [game for game, variables in enumerate(trained.generators) if is_finite(variables)]
        shown = finite[:GAMES]
        each = max(1, num // max(1, len(shown)))
        several = len(trained.generators) > 1
        cards = []
        for game in shown:
            of_game = cards_of(model_of(run.name, trained, game), each, runs * len(shown))
            cards += [captioned(card, f"game {game}") if several else card for card in of_game]
    except Exception as error:  # of the run's own experiment.py too, which may fail in any way
        said = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        return Newest(None, [], f"No samples were drawn: {' '.join(said.split())}")
    diverged, left = len(trained.generators) - len(finite), len(finite) - len(shown)
    notes = [f"{diverged} of {len(trained.generators)} games have diverged."] * (diverged > 0)
    return Newest(trained.step, cards, " ".join(notes + [f"{left} more games aren't shown."] * (left > 0)))


def is_finite(tree: Any) -> bool:
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(tree))


def cards_of(model: Model, num: int, sharing: int) -> list[Card]:
    """Draws the samples of a game.

    Args:
      model: The game's model.
      num: Samples.
      sharing: How many games of all runs share the page.
    """
    view = model.view
    ending = next((ending for ending in SINGLE if ending in view.single), None)
    samples = model.sample(SEED, num if ending else IN_ONE_PICTURE)
    origin = Origin(model.name, hash_of(model.variables), model.step, SEED)
    if ".html" in view.together or ending is None:
        return [together(view, samples, origin)]
    most = max(1, MESHES // sharing) if ending == ".glb" else num
    cards = [SINGLE[ending](view, rows(samples, np.array([number])), origin) for number in range(min(most, num))]
    if not model.classes:
        return cards
    return [captioned(card, f"class {number % model.classes}") for number, card in enumerate(cards)]


def captioned(card: Card, caption: str) -> Card:
    """The card with a caption before its own."""
    return card._replace(caption=" · ".join(filter(None, [caption, card.caption])))


def together(view: View, samples: Any, origin: Origin) -> Card:
    """All samples in one document, or else in one picture."""
    if write := view.together.get(".html"):
        return Card(document=encoded(write, samples, ".html", origin).decode())
    return Card(picture=data_uri(".png", encoded(view.together[".png"], samples, ".png", origin)))


def as_sound(view: View, one: Any, origin: Origin) -> Card:
    sound = encoded(view.single[".wav"], rows(one, 0), ".wav", origin)
    return together(view, one, origin)._replace(sound=data_uri(".wav", sound))


def as_film(view: View, one: Any, origin: Origin) -> Card:
    return Card(film=data_uri(".gif", encoded(view.single[".gif"], rows(one, 0), ".gif", origin)))


def as_mesh(view: View, one: Any, origin: Origin) -> Card:
    """A shape that can be turned; a picture if it is empty or trimesh isn't installed."""
    try:
        mesh = mesh_of(encoded(view.single[".glb"], rows(one, 0), ".glb", origin))
    except UserError as error:
        return together(view, one, origin)._replace(caption=str(error))
    return Card(mesh=mesh) if mesh else together(view, one, origin)


def as_picture(view: View, one: Any, origin: Origin) -> Card:
    return Card(picture=data_uri(".png", encoded(view.single[".png"], rows(one, 0), ".png", origin)))


def as_text(view: View, one: Any, origin: Origin) -> Card:
    return Card(text=encoded(view.single[".txt"], rows(one, 0), ".txt", origin).decode())


SINGLE: dict[str, Callable[[View, Any, Origin], Card]] = {  # the first format that a view has is used
    ".wav": as_sound,
    ".gif": as_film,
    ".glb": as_mesh,
    ".png": as_picture,
    ".txt": as_text,
}
