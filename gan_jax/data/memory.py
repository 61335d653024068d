"""What a run remembers of its data, so that its generator can be drawn from where they aren't.

A loader of the user's own data is `remembered`. While an experiment is built inside `noting`, each call of a loader
leaves a note; inside `recalling` the loaders open nothing, and give stand-ins made of the notes, in the same order. One
that no note is left for, as it was called elsewhere, loads as usual.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, TypeVar

import jax
import numpy as np

from gan_jax.data.source import Source
from gan_jax.errors import Missing, UserError
from gan_jax.types import Batch

Note = dict[str, Any]  # JSON
Data = TypeVar("Data")  # a Source, or a NamedTuple with a field `source`

_noted: ContextVar[list[Note] | None] = ContextVar("noted", default=None)
_recalled: ContextVar[Iterator[Note] | None] = ContextVar("recalled", default=None)


@contextlib.contextmanager
def noting() -> Iterator[list[Note]]:
    """Gathers a note of each call of a loader."""
    notes: list[Note] = []
    token = _noted.set(notes)
    try:
        yield notes
    finally:
        _noted.reset(token)


@contextlib.contextmanager
def recalling(notes: list[Note]) -> Iterator[None]:
    """Has loaders give stand-ins instead of data."""
    token = _recalled.set(iter(notes))
    try:
        yield
    finally:
        _recalled.reset(token)


def remembered(kind: type[Data]) -> Callable[[Callable[..., Data]], Callable[..., Data]]:
    """A loader's decorator. kind: what it returns, Source or a NamedTuple of one and of JSON's values and sets."""

    def decorate(load: Callable[..., Data]) -> Callable[..., Data]:
        @functools.wraps(load)
        def loader(*arguments: Any, **settings: Any) -> Data:
            recalled, notes = _recalled.get(), _noted.get()
            if recalled is not None and (note := next(recalled, None)):
                if note["loader"] != load.__name__:
                    raise UserError(f"{load.__name__} is called where the run called {note['loader']}")
                return stand_in(kind, note["data"])
            data = load(*arguments, **settings)
            if notes is not None:
                notes.append({"loader": load.__name__, "data": note_of(data)})
            return data

        return loader

    return decorate


def note_of(data: Any) -> Note:
    if not isinstance(data, Source):
        own = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in data._asdict().items()}
        return own | {"source": note_of(data.source)}
    shapes = {name: None if leaf is None else [list(leaf.shape), str(leaf.dtype)]
              for name, leaf in data.example._asdict().items()}  # fmt: skip
    return {"example": shapes, "size": data.size, "classes": data.classes, "name": data.name}


def stand_in(kind: Any, note: Note) -> Any:
    """What a loader gave, but for its examples."""
    if kind is not Source:
        fields = {name: frozenset(value) if isinstance(value, list) else value for name, value in note.items()}
        return kind(**fields | {"source": stand_in(Source, note["source"])})
    example = {name: None if leaf is None else jax.ShapeDtypeStruct(tuple(leaf[0]), np.dtype(leaf[1]))
               for name, leaf in note["example"].items()}  # fmt: skip

    def absent(*_: Any, **__: Any) -> Any:
        raise Missing(f"the run's data, {note['name']}, aren't here: give their new place by --data")

    return Source(Batch(**example), note["size"], note["classes"], absent, note["name"], absent)
