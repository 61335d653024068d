"""The pictures of samples that a run drew as it trained, small enough for a page."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from gan_jax.models.embedded import data_uri
from gan_jax.report.read import Record, pictures_of

MOST = 40  # steps that are shown of a run of one game
FEWEST = 6  # steps of each of many games
BYTES = 10_000_000  # of all pictures of a page
SMALLEST = 64  # pixels of the longer side


class Picture(NamedTuple):
    """A picture of a game's samples.

    Attributes:
      step: The updates done.
      uri: The picture, as a data URI.
    """

    step: int
    uri: str


class Strip(NamedTuple):
    """The pictures of one game over training.

    Attributes:
      game: The number of the game.
      pictures: Those that are shown, in order.
      there: How many there are.
    """

    game: int
    pictures: list[Picture]
    there: int


def strips_of(records: Sequence[Record]) -> list[list[Strip]]:
    """Chooses and shrinks the pictures of all runs: evenly spaced steps, the first and the last among them."""
    found = [pictures_of(record.run) for record in records]
    chosen = [[evenly(game, max(FEWEST, MOST // len(games))) for game in games] for games in found]
    budget = BYTES // max(1, sum(len(game) for games in chosen for game in games))
    return [
        [
            Strip(number, [Picture(step, uri) for step, path in some if (uri := embedded(path, budget))], len(game))
            for number, (game, some) in enumerate(zip(games, shown))
        ]
        for games, shown in zip(found, chosen)
    ]


def evenly(pictures: list[tuple[int, Path]], most: int) -> list[tuple[int, Path]]:
    places = np.unique(np.linspace(0, len(pictures) - 1, min(most, len(pictures))).round().astype(int))
    return [pictures[place] for place in places]


def embedded(path: Path, most: int) -> str | None:
    """Returns a picture as a data URI of about `most` bytes at most; None if it isn't whole.

    It stays as it is if it is small enough. Otherwise it becomes a WebP, without losses if that is enough, or else of
    less quality, or smaller.
    """
    try:
        content = path.read_bytes()
        with Image.open(io.BytesIO(content), formats=["PNG"]) as opened:
            picture = opened.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # it is being written, or is broken
        return None
    if len(content) <= most:
        return data_uri(".png", content)
    if max(picture.size) <= 16383:  # the largest side of a WebP
        for settings in ({"lossless": True}, {"quality": 90}, {"quality": 70}):
            if len(content := as_webp(picture, **settings)) <= most:
                return data_uri(".webp", content)
    while max(picture.size) > SMALLEST:
        picture = picture.reduce(2)
        if max(picture.size) <= 16383 and len(content := as_webp(picture, quality=80)) <= most:
            break
    return data_uri(".webp", content)


def as_webp(picture: Image.Image, **settings: int) -> bytes:
    file = io.BytesIO()
    picture.save(file, "WEBP", **settings)
    return file.getvalue()
