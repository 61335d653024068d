"""Samples as HTML: pictures, films, audio players and marked text, which hold their own data."""

import html
from collections.abc import Callable, Sequence, Set
from typing import Any, NamedTuple

import jax

from gan_jax.models.embedded import data_uri, encoded
from gan_jax.storage.provenance import Origin
from gan_jax.types import View, Write
from gan_jax.views.line import marked_line

FRAME, SLOW_FRAME = 80, 250  # milliseconds of a walk for each picture, and for each line of text

Cell = Callable[[Any], str]  # one sample [...] -> HTML


class Show(NamedTuple):
    """How the page shows samples of a kind.

    Attributes:
      cell: A sample as a picture or a line.
      stage: The current sample, with an audio player if it is a sound.
      walk: Samples [walks, frames, ...] as something that plays.
      frames: The frames of a walk between two samples, by default.
      solid: Whether a sample is also shown as a solid that can be turned.
    """

    cell: Cell
    stage: Cell
    walk: Callable[[Any], str]
    frames: int
    solid: bool


def show_of(view: View, origin: Origin) -> Show:
    """Chooses how samples are shown by the formats of their view.

    Args:
      view: The view.
      origin: What pictures, films and sounds say about their origin, in case they are saved from the page.
    """
    cell = cell_of(view, origin)

    def with_player(sample: Any) -> str:
        return cell(sample) + player_of(view.single[".wav"], sample, origin)

    def frames(walks: Any) -> str:
        along = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), walks)
        return film([cell(sample) for sample in each(along)], SLOW_FRAME if ".txt" in view.single else FRAME)

    def sounds(walks: Any) -> str:
        return player_of(view.walks[".wav"], walks, origin)

    def clips(walks: Any) -> str:
        return picture(encoded(view.walks[".gif"], walks, ".gif", origin), ".gif")

    if ".wav" in view.single and ".wav" in view.walks:
        return Show(cell, with_player, sounds, 4, False)
    if ".gif" in view.single and ".gif" in view.walks:
        return Show(cell, cell, clips, 4, False)
    return Show(cell, cell, frames, 16, ".glb" in view.single)


def cell_of(view: View, origin: Origin) -> Cell:
    if ".txt" in view.single:
        return lambda sample: marked(encoded(view.single[".txt"], sample, ".txt", origin).decode(), words_of(view))
    if ".csv" in view.single:
        return point
    if ".gif" in view.single:
        return pictures(view.single[".gif"], ".gif", origin)
    if ".png" in view.single:
        return pictures(view.single[".png"], ".png", origin)
    return pictures(lambda sample, file: view.together[".png"](several(sample), file), ".png", origin)


def pictures(write: Write, ending: str, origin: Origin) -> Cell:
    return lambda sample: picture(encoded(write, sample, ending, origin), ending)


def picture(content: bytes, ending: str) -> str:
    return f'<img alt="" draggable="false" src="{data_uri(ending, content)}">'


def player_of(write: Write, samples: Any, origin: Origin) -> str:
    """An audio player, which begins by itself once the page has been clicked."""
    return f'<audio controls autoplay src="{data_uri(".wav", encoded(write, samples, ".wav", origin))}"></audio>'


def words_of(view: View) -> Set[str] | None:
    """The real words of text; None if the view doesn't say."""
    return set(view.recipe["words"]) if view.recipe and "words" in view.recipe else None


def marked(text: str, words: Set[str] | None) -> str:
    """A line of text, in which words that aren't real are marked."""
    line = text.rstrip("\n")
    return f'<span class="line">{inert(html.escape(line) if words is None else marked_line(line, words))}</span>'


def inert(page: str) -> str:
    """HTML without braces, dollars, backquotes and backslashes, which have a meaning in gradio's templates."""
    return "".join(f"&#{ord(letter)};" if letter in "{}$`\\" else letter for letter in page)


def point(sample: Any) -> str:
    """A point [2] as a dot on a plane from -2 to 2."""
    x, y = (float(part) for part in sample)
    return (
        '<svg class="point" viewBox="-2 -2 4 4"><path d="M-2 0H2M0 -2V2"/>'
        f'<circle cx="{x:.3f}" cy="{-y:.3f}" r="0.09"><title>{x:.3f}, {y:.3f}</title></circle></svg>'
    )


def film(frames: Sequence[str], milliseconds: int) -> str:
    """Frames that the page plays one after the other."""
    last = len(frames) - 1
    shown = "".join(f'<div class="frame"{"" if not number else " hidden"}>{x}</div>' for number, x in enumerate(frames))
    return (
        f'<div class="film" data-milliseconds="{milliseconds}"><div class="frames">{shown}</div>'
        '<div class="transport"><button type="button" class="play" aria-label="Pause">❚❚</button>'
        f'<input type="range" class="at" min="0" max="{last}" value="0" aria-label="Frame"></div></div>'
    )


def grid(cells: Sequence[str], numbers: Sequence[int], current: int | None) -> str:
    """Cells as buttons, each with its sample's number; the current one is pressed."""
    buttons = [
        f'<button type="button" class="cell" data-number="{number}" aria-label="Sample {number}"'
        f' aria-pressed="{str(number == current).lower()}">{cell}<span class="number">{number}</span></button>'
        for cell, number in zip(cells, numbers, strict=True)
    ]
    return f'<div class="grid">{"".join(buttons)}</div>'


def each(samples: Any) -> list[Any]:
    """The samples of a tree of [N, ...]."""
    count = len(jax.tree.leaves(samples)[0])
    return [jax.tree.map(lambda leaf, at=at: leaf[at], samples) for at in range(count)]


def several(sample: Any) -> Any:
    """One sample as a tree of [1, ...]."""
    return jax.tree.map(lambda leaf: leaf[None], sample)
