"""A run remembers of its data what its generator needs."""

from typing import NamedTuple

import jax
import numpy as np
import pytest

from gan_jax.data.memory import noting, recalling, remembered
from gan_jax.data.source import Source, on_device


class Text(NamedTuple):
    source: Source
    alphabet: str
    words: frozenset[str]


def loaders():
    calls = []

    @remembered(Source)
    def images(labels):
        calls.append("images")
        return on_device(np.zeros((4, 2, 2, 1), np.uint8), labels, name="4 images")

    @remembered(Text)
    def text():
        calls.append("text")
        return Text(
            on_device(np.zeros((3, 5), np.uint8), decode=lambda x: x * 1.0, name="3 lines"), " ab", frozenset("ab")
        )

    return images, text, calls


def test_stand_ins_are_as_the_data_but_for_their_examples():
    images, text, calls = loaders()
    labels = np.array([0, 1, 1, 0])
    with noting() as notes:
        loaded = images(labels), text(), images(None)
    with recalling(notes):
        recalled = images(labels), text(), images(None)
    assert calls == ["images", "text", "images"]  # nothing was opened again
    for one, other in zip([loaded[0], loaded[1].source, loaded[2]], [recalled[0], recalled[1].source, recalled[2]]):
        assert one.example == other.example
        assert (one.size, one.classes, one.name) == (other.size, other.classes, other.name)
    assert recalled[1]._replace(source=None) == loaded[1]._replace(source=None)


def test_what_needs_the_examples_says_where_they_can_be_named():
    images, _, _ = loaders()
    with noting() as notes:
        images(None)
    with recalling(notes):
        source = images(None)
    for use in (lambda: next(source.stream(jax.random.key(0), 0, 2)), lambda: source.split("train")):
        with pytest.raises(FileNotFoundError, match="4 images, aren't here: give their new place by --data"):
            use()


def test_other_loaders_than_the_run_called_are_refused_and_what_it_did_not_note_is_loaded():
    images, text, calls = loaders()
    with noting() as notes:
        images(None)
    with recalling(notes), pytest.raises(ValueError, match="text is called where the run called images"):
        text()
    calls.clear()
    with recalling(notes):
        images(None), text()
    assert calls == ["text"]


def test_loader_outside_leaves_no_note():
    images, _, calls = loaders()
    with noting() as notes:
        pass
    images(None)
    assert not notes
    assert calls == ["images"]
