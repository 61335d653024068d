"""Real lines against real ones are near perfect; letters in any order, repeated and copied lines are recognised."""

import jax
import numpy as np
import pytest
from measured import figures

from gan_jax import measures
from gan_jax.data.packaged.bible import new_testament
from gan_jax.evaluation.examples import examples
from gan_jax.measures import line


@pytest.fixture(scope="module")
def data():
    return new_testament()


@pytest.fixture(scope="module")
def measure(data):
    return measures.text(data.alphabet, data.words)


@pytest.fixture(scope="module")
def lines(data):
    real, test = (
        np.concatenate(list(examples(source, 2000, jax.random.key(0))))
        for source in (data.source, data.source.split("test"))
    )
    return real, test


def test_held_out_lines_are_nearer_than_their_letters_in_any_order(measure, lines):
    real, test = lines
    mixed = np.random.default_rng(0).permuted(test.argmax(-1), axis=1)
    good, bad = figures(measure, real, test), figures(measure, real, np.eye(real.shape[-1])[mixed])
    for n in (2, 3, 4):
        assert good[f"js_{n}"] < 0.6 * bad[f"js_{n}"]
    assert good["js_1"] == pytest.approx(bad["js_1"])  # the letters are the same
    assert good["words"] > 0.95 > 0.3 > bad["words"]
    assert not measure.collapsed(good)
    assert good.keys() - {"copied"} == measure.better.keys()


def test_lines_are_at_0_from_themselves_and_copied(measure, lines):
    found = figures(measure, lines[0], lines[0])
    assert [found[f"js_{n}"] for n in range(1, 5)] == pytest.approx([0] * 4, abs=1e-12)
    assert found["copied"] == 1


def test_figures_do_not_depend_on_how_lines_come_in_batches(measure, lines):
    assert figures(measure, *lines, size=77) == figures(measure, *lines)


def test_a_generator_of_one_line_has_collapsed(measure, lines):
    real, test = lines
    one = figures(measure, real, np.repeat(test[:1], 50, 0))
    assert measure.collapsed(one)
    assert one["duplicates"] == 1


def test_words_are_what_stands_between_spaces_and_blank_lines_have_none():
    measure = measures.text(" ab", frozenset({"ab", "b"}))
    lines = np.eye(3)[[[1, 2, 0, 2], [0, 1, 0, 2], [0, 0, 0, 0]]]  # "ab b", " a b", "    "
    assert measure.compare(*[measure.summarise([lines])] * 2)["words"] == 3 / 4
    assert measure.compare(*[measure.summarise([lines[2:]])] * 2)["words"] == 0


def test_likely_characters_count_as_if_they_were_certain(measure, lines):
    real, test = lines
    assert figures(measure, real, 0.01 + 0.5 * test) == figures(measure, real, test)
    np.testing.assert_array_equal(measure.look(0.01 + 0.5 * test[:9]), test[:9].reshape(9, -1))


def test_a_summary_is_of_the_first_lines_and_the_protocol_says_so(measure, lines, monkeypatch):
    assert "lines" not in measure.protocol(2000)
    monkeypatch.setattr(line, "KEPT", 300)
    assert measure.summarise([lines[0][:200], lines[0][200:]]).shape == (300, 32)
    assert measure.protocol(2000) == measure.protocol(300) | {"lines": "the first 300"}


def test_the_protocol_tells_vocabularies_and_alphabets_apart(data, measure):
    assert measure.protocol(9) == measures.text(data.alphabet, data.words).protocol(9)
    for other in (measures.text(data.alphabet, data.words - {"lord"}), measures.text(data.alphabet[::-1], data.words)):
        assert measure.protocol(9) != other.protocol(9)
