"""Lines are written as they read, and on the page what is no word is red."""

import numpy as np
import pytest
from PIL import Image

from gan_jax import views

ALPHABET = " abé"
WORDS = frozenset({"ab", "é"})


def samples(*lines: str) -> np.ndarray:
    """Probabilities [N, L, V] whose likeliest characters are these."""
    return np.array([[0.1 + 0.5 * np.eye(4)[ALPHABET.index(character)] for character in line] for line in lines])


@pytest.fixture
def view():
    return views.text(ALPHABET, WORDS)


def test_lines_are_written_without_the_spaces_at_their_ends(view, tmp_path):
    view.together[".txt"](samples("ab é  ", " bb   ", "      "), tmp_path / "all.txt")
    assert (tmp_path / "all.txt").read_text(encoding="utf-8") == "ab é\n bb\n\n"
    view.single[".txt"](samples("é ab  ")[0], tmp_path / "one.txt")
    assert (tmp_path / "one.txt").read_text(encoding="utf-8") == "é ab\n"


def test_the_html_page_marks_what_is_no_word_and_has_no_markup_of_samples(tmp_path):
    view = views.text(" <&b", frozenset({"b", "<b"}))
    lines = np.eye(4)[[[1, 3, 0, 2, 0], [3, 0, 0, 3, 3]]]
    view.together[".html"](lines, tmp_path / "all.html")
    page = (tmp_path / "all.html").read_text(encoding="utf-8")
    assert "<pre>&lt;b <mark>&amp;</mark>\nb  <mark>bb</mark>\n</pre>" in page
    assert "<p>2 of 4 words are of the training text</p>" in page


def page_of(path) -> np.ndarray:
    """Its pixels [H, W, 3]."""
    with Image.open(path) as image:
        return np.asarray(image).astype(int)


def red(path) -> np.ndarray:
    """Where the page is red [H, W]."""
    page = page_of(path)
    return page[..., 0] - page[..., 1] > 100


def test_only_what_is_no_word_is_red(view, tmp_path):
    view.together[".png"](samples("ab é ", "é  ab", "ab   "), tmp_path / "words.png")
    assert not red(tmp_path / "words.png").any()
    view.together[".png"](samples("ab é ", "é  ab", "ab bb"), tmp_path / "wrong.png")
    marked = red(tmp_path / "wrong.png")
    _, columns = np.nonzero(marked)
    assert columns.min() > marked.shape[1] / 2  # the third line is the right column's first


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_page_of_any_number_of_lines_is_the_same_each_time(view, tmp_path, count):
    for name in ("a.png", "b.png"):
        view.together[".png"](samples(*["ab bb"] * count), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert len(page_of(tmp_path / "a.png")) > 20 * ((count + 1) // 2)
