"""Lines of characters as text, and as pages that mark words which aren't real."""

import html
import math
import re
from collections.abc import Iterator, Set
from pathlib import Path

import numpy as np

from gan_jax.types import View

SIZE, CELL, ROW, MARGIN = 15, 9, 20, 16  # pixels: the type's size, a character's width, a line's height, the margin
PAPER, INK, MARK = (255, 255, 255), (30, 30, 30), (214, 40, 40)


def text(alphabet: str, words: Set[str]) -> View:
    """Make the view of lines [length, V], written with the most likely character at each place.

    Args:
      alphabet: The V characters, in order of their columns.
      words: The real words. On the page all others are red and underlined, and the last line counts the real ones.

    Returns:
      A view that writes PNG and HTML pages and UTF-8 text files.
    """

    def lines_of(samples: np.ndarray) -> list[str]:
        return ["".join(alphabet[place] for place in line) for line in samples.argmax(-1)]

    def write_page(samples: np.ndarray, path: Path) -> None:
        lines = lines_of(samples)
        height = math.ceil(len(lines) / 2)
        draw_page([lines[row::height] for row in range(height)], words, path)

    def write_rows(samples: np.ndarray, path: Path) -> None:
        draw_page([lines_of(row) for row in samples], words, path)

    def write_lines(samples: np.ndarray, path: Path) -> None:
        path.write_text("".join(f"{line.rstrip()}\n" for line in lines_of(samples)), encoding="utf-8")

    def write_html(samples: np.ndarray, path: Path) -> None:
        path.write_text(page_of(lines_of(samples), words), encoding="utf-8")

    def write_line(sample: np.ndarray, path: Path) -> None:
        write_lines(sample[None], path)

    return View(
        together={".png": write_page, ".txt": write_lines, ".html": write_html},
        single={".txt": write_line},
        walks={".png": write_rows},
        rows=write_rows,
        recipe={"kind": "text", "alphabet": alphabet, "words": sorted(words)},
    )


def page_of(lines: list[str], words: Set[str]) -> str:
    """Returns lines as an HTML page, and below them how many of their words are real."""
    marked = "".join(f"{marked_line(line.rstrip(), words)}\n" for line in lines)
    return f"""<!doctype html>
<html lang="zxx"><meta charset="utf-8"><title>Samples</title>
<style>
:root {{ color-scheme: light dark; font: 15px/1.4 "DejaVu Sans Mono", ui-monospace, monospace }}
body {{ margin: 16px }}
mark {{ color: light-dark(#d62828, #ff7b72); background: none; text-decoration: underline }}
</style>
<pre>{marked}</pre>
<p>{count_of(lines, words)}</p>
</html>
"""


def marked_line(line: str, words: Set[str]) -> str:
    """Returns a line in HTML, with a mark on each word that isn't real."""

    def marked(found: re.Match[str]) -> str:
        word = html.escape(found[0])
        return word if found[0] in words else f"<mark>{word}</mark>"

    return re.sub("[^ ]+", marked, line)


def count_of(lines: list[str], words: Set[str]) -> str:
    """Returns how many words of the lines are real, in a sentence."""
    found = [word in words for line in lines for _, word in words_in(line)]
    return f"{sum(found)} of {len(found)} words are of the training text"


def draw_page(rows: list[list[str]], words: Set[str], path: Path) -> None:
    """Writes rows of lines of equal length, and below them how many of their words are real."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSansMono.ttf", SIZE)
    column = (len(rows[0][0]) + 3) * CELL
    page = Image.new(
        "RGB", (max(2, len(rows[0])) * column - 3 * CELL + 2 * MARGIN, (len(rows) + 2) * ROW + 2 * MARGIN), PAPER
    )
    pen = ImageDraw.Draw(page)
    count = count_of([line for row in rows for line in row], words)
    pen.text((MARGIN, MARGIN + (len(rows) + 1) * ROW), count, INK, font)
    for (number, place_in_row), line in placed(rows):
        x, y = MARGIN + place_in_row * column, MARGIN + number * ROW
        for start, word in words_in(line):
            colour = INK if word in words else MARK
            left = x + start * CELL
            for place, character in enumerate(word):
                pen.text((left + place * CELL, y), character, colour, font)
            if word not in words:
                pen.line([left, y + ROW - 2, left + len(word) * CELL - 2, y + ROW - 2], colour)
    page.save(path)


def placed(rows: list[list[str]]) -> Iterator[tuple[tuple[int, int], str]]:
    """Yields each line with its row and column."""
    for number, row in enumerate(rows):
        for place, line in enumerate(row):
            yield (number, place), line


def words_in(line: str) -> list[tuple[int, str]]:
    """The words between spaces, each with its start."""
    return [(found.start(), found[0]) for found in re.finditer("[^ ]+", line)]
