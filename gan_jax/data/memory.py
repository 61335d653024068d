"""Building an experiment where its data aren't: from a run's notes, or from the arguments of its loaders alone.

Every loader that opens files is `remembered`. While an experiment is built inside `noting`, each call of a loader
leaves a note. Inside `recalling`, loaders open nothing and return stand-ins made from the notes, in the same order; a
loader without a note loads as usual. Conditions that samples are drawn under are remembered whole. Inside `planning`,
loaders whose arguments give the shapes of examples return `blank` sources of these shapes.
"""

import base64
import contextlib
import functools
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from gan_jax.data.source import Source
from gan_jax.errors import Missing, UserError
from gan_jax.types import Batch

Note = dict[str, Any]  # JSON
Data = TypeVar("Data")  # a Source, or a NamedTuple with a field `source`
P = ParamSpec("P")

_noted: ContextVar[list[Note] | None] = ContextVar("noted", default=None)
_recalled: ContextVar[Iterator[Note] | None] = ContextVar("recalled", default=None)
_planning: ContextVar[bool] = ContextVar("planning", default=False)


@contextlib.contextmanager
def noting() -> Iterator[list[Note]]:
    """Collects a note of each call of a loader."""
    notes: list[Note] = []
    with changed(_noted, notes):
        yield notes


@contextlib.contextmanager
def recalling(notes: list[Note]) -> Iterator[None]:
    """Makes loaders return stand-ins instead of data."""
    with changed(_recalled, iter(notes)):
        yield


@contextlib.contextmanager
def planning() -> Iterator[None]:
    """Makes loaders return `blank` sources where their arguments give the shapes."""
    with changed(_planning, True):
        yield


def is_planning() -> bool:
    return _planning.get()


@contextlib.contextmanager
def changed(variable: ContextVar[Any], value: Any) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


def remembered(kind: type[Data]) -> Callable[[Callable[P, Data]], Callable[P, Data]]:
    """Decorates a loader. Loaders that it calls leave no notes of their own.

    Args:
      kind: The type that it returns: Source, or a NamedTuple of a source, JSON values and sets.
    """

    def decorate(load: Callable[P, Data]) -> Callable[P, Data]:
        @functools.wraps(load)
        def loader(*arguments: P.args, **settings: P.kwargs) -> Data:
            if note := next_note(load.__name__):
                return stand_in(kind, note)
            with changed(_noted, None):
                data = load(*arguments, **settings)
            leave_note(load.__name__, note_of(data))
            return data

        return loader

    return decorate


def remembered_arrays(name: str, read: Callable[[], list[np.ndarray]]) -> list[np.ndarray]:
    """Reads arrays that samples depend on; inside `recalling`, those that the run read.

    Args:
      name: The name of the function that needs them.
      read: Reads them. Loaders that it calls leave no notes.
    """
    if note := next_note(name):
        return [from_text(*array) for array in note["arrays"]]
    with changed(_noted, None):
        arrays = read()
    leave_note(name, {"arrays": [as_text(array) for array in arrays]})
    return arrays


def next_note(name: str) -> Any:
    """Inside `recalling`, the note that the function of this name left; None if there is none."""
    recalled = _recalled.get()
    if recalled is None or (note := next(recalled, None)) is None:
        return None
    if note["loader"] != name:
        raise UserError(f"{name} is called where the run called {note['loader']}")
    return note["data"]


def leave_note(name: str, data: Note) -> None:
    if (notes := _noted.get()) is not None:
        notes.append({"loader": name, "data": data})


def as_text(array: np.ndarray) -> list[Any]:
    """An array as JSON: its shape, its type and its bytes in base64."""
    return [list(array.shape), str(array.dtype), base64.b64encode(array.tobytes()).decode()]


def from_text(shape: list[int], dtype: str, text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), jnp.dtype(dtype)).reshape(shape)


def is_text(array: Any) -> bool:
    """Whether a value from a JSON file is what `as_text` makes."""
    try:
        from_text(*array)
    except (TypeError, ValueError):
        return False
    return True


def note_of(data: Any) -> Note:
    if not isinstance(data, Source):
        own = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in data._asdict().items()}
        return own | {"source": note_of(data.source)}
    shapes = {name: None if leaf is None else [list(leaf.shape), str(leaf.dtype)]
              for name, leaf in data.example._asdict().items()}  # fmt: skip
    facts = {name: getattr(data, name) for name in ("size", "classes", "name", "licence")}
    return {"example": shapes} | facts


def is_note(note: Any) -> bool:
    """Whether a value from a JSON file is a note of a loader's call."""
    if not isinstance(note, dict) or note.keys() != {"loader", "data"}:
        return False
    data = note["data"]
    if isinstance(data, dict) and data.keys() == {"arrays"}:
        return isinstance(data["arrays"], list) and all(map(is_text, data["arrays"]))
    while isinstance(data, dict) and "source" in data:
        data = data["source"]
    # earlier versions noted no licence
    return isinstance(data, dict) and data.keys() - {"licence"} == {"example", "size", "classes", "name"}


def stand_in(kind: Any, note: Note) -> Any:
    """The data that a loader returned, without the examples."""
    if kind is not Source:
        fields = {name: frozenset(value) if isinstance(value, list) else value for name, value in note.items()}
        return kind(**fields | {"source": stand_in(Source, note["source"])})
    example = {name: None if leaf is None else jax.ShapeDtypeStruct(tuple(leaf[0]), np.dtype(leaf[1]))
               for name, leaf in note["example"].items()}  # fmt: skip
    why = f"the run's data, {note['name']}, aren't here: give their new place by --data"
    source = without_examples(Batch(**example), note["size"], note["classes"], note["name"], why)
    return source._replace(licence=note.get("licence", ""))


def blank(example: Batch, classes: int = 0) -> Source | None:
    """Inside `planning`, a source of such examples that has none; None elsewhere.

    A loader calls it before it opens anything:

        if source := blank(image_example((size, size, channels), labelled=False)):
            return source
    """
    if not is_planning():
        return None
    return without_examples(example, None, classes, "blank", "a plan reads no examples: only their shapes are known")


def without_examples(example: Batch, size: int | None, classes: int, name: str, why: str) -> Source:
    """A source whose examples can't be read: that raises Missing, and says why. Its splits are like it."""

    def absent(*_: Any, **__: Any) -> Any:
        raise Missing(why)

    return Source(example, size, classes, absent, name, lambda _: without_examples(example, size, classes, name, why))
