"""Lines of text are windows of whole words, and come back as they were."""

import jax
import numpy as np
from hypothesis import assume, given, strategies as st
from source_properties import check_epochs, lines_of

from gan_jax.data.lines import Line, Text, tidy, windows, windows_of


def plain_windows(line: str, length: int) -> list[str]:
    """What the module's docstring says, word by word."""
    words, found = line.split(), []
    for first in range(len(words)):
        last, word = first, words[first]
        if len(word) > length:
            starts = [*range(0, len(word) - length, length), len(word) - length]
            found += [word[start : start + length] for start in starts]
        while last < len(words) and len(" ".join(words[first : last + 1])) <= length:
            last += 1
        if last > first:
            found.append(" ".join(words[first:last]).ljust(length))
        if last == len(words):
            break
    return found


def in_memory(lines: list[str], length: int = 8) -> Text:
    numbered = [Line(number, line) for number, line in enumerate(lines, 1)]
    return windows_of(lambda split: numbered, "train", "lines", where="lines", length=length, alphabet=64, limit=2**30)


@given(st.lists(st.text("abc  ", max_size=40).map(tidy), min_size=1, max_size=6), st.integers(1, 12))
def test_windows_begin_at_words_and_hold_as_many_whole_ones_as_fit(lines, length):
    expected = [window for line in lines for window in plain_windows(line, length)]
    assume(expected)
    found = windows(lines, " abc", length, "lines", 2**30)
    assert ["".join(" abc"[place] for place in line) for line in found] == expected


def test_a_line_that_fits_is_one_example_padded_with_spaces():
    assert sorted(lines_of(in_memory(["mary ann", "  jo\tann ", "", "eve"]))) == ["eve     ", "jo ann  ", "mary ann"]


def test_words_longer_than_a_window_are_cut_into_windows_of_which_the_last_ends_where_the_word_does():
    assert sorted(lines_of(in_memory(["an interminably long day", "ACGTACGTT"]))) == [
        "ACGTACGT",
        "CGTACGTT",
        "an      ",
        "intermin",
        "long day",
        "rminably",
    ]


def test_nothing_of_a_text_without_spaces_is_lost():
    lines = ["".join(chr(0x4E00 + 7 * number + place) for place in range(3 + 7 * number)) for number in range(5)]
    assert set("".join(lines_of(in_memory(lines)))) - {" "} == set("".join(lines))


def test_every_epoch_has_every_line_once():
    lines = [f"{number}" for number in range(23)]
    found = in_memory(lines)

    def identify(x: jax.Array) -> list[int]:
        return [int("".join(found.alphabet[place] for place in line)) for line in np.asarray(x).argmax(-1)]

    check_epochs(found.source, identify)
