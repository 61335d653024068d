"""What holds of every Source."""

import itertools
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gan_jax.data.lines import Text
from gan_jax.data.source import Source
from gan_jax.errors import Missing

KEY = jax.random.key(7)


def take(source: Source, steps: int, *, key=KEY, first: int = 0, batch_size: int = 8, places=None) -> list:
    stream = source.stream(key, first, batch_size, places)
    batches = list(itertools.islice(stream, steps))
    stream.close()
    return batches


def check_shapes(source: Source) -> None:
    (batch,) = take(source, 1)
    for one, many in zip(jax.tree.leaves(source.example), jax.tree.leaves(batch), strict=True):
        assert (8, *one.shape) == many.shape
        assert one.dtype == many.dtype
    assert jax.tree.structure(source.example) == jax.tree.structure(batch)


def check_resumes(source: Source) -> None:
    """A stream that starts at step 3 is that from 0 without its first three batches; keys matter; parts are parts."""
    check_places(source)
    whole, resumed, other = take(source, 5), take(source, 2, first=3), take(source, 1, key=jax.random.key(8))
    for a, b in zip(jax.tree.leaves(whole[3:]), jax.tree.leaves(resumed), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(whole[0].x, other[0].x)


def check_places(source: Source) -> None:
    """What is read of some places of each batch is what a whole batch has there."""
    for whole, own in zip(take(source, 3, first=2), take(source, 3, first=2, places=np.array([5, 1, 6])), strict=True):
        for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(own), strict=True):
            np.testing.assert_array_equal(np.asarray(a)[[5, 1, 6]], b)


def check_epochs(source: Source, identify) -> None:
    """Two epochs in batches of 6 that straddle them: each has every example once, in orders that differ.

    identify: x [...] -> the index of the example.
    """
    size = source.size
    batches = take(source, -(-2 * size // 6), batch_size=6)
    seen = np.concatenate([identify(batch.x) for batch in batches])
    first, second = seen[:size], seen[size : 2 * size]
    assert sorted(first) == sorted(second) == list(range(size))
    assert list(first) != list(second)


def check_blank(planned: Source, real: Source) -> None:
    """A stand-in of a plan has the shapes and classes of the real source, and no examples."""
    assert (planned.example, planned.classes) == (real.example, real.classes)
    with pytest.raises(Missing, match="a plan reads no examples"):
        take(planned, 1)


def check_no_threads_left(source: Source) -> None:
    before = set(threading.enumerate())
    stream = source.stream(KEY, 0, 8)
    next(stream)
    del stream
    deadline = time.time() + 5
    while set(threading.enumerate()) - before and time.time() < deadline:
        time.sleep(0.01)
    assert not set(threading.enumerate()) - before


def numbered(size: int) -> np.ndarray:
    """Images [size, 2, 2, 1] that differ: image i is i all over."""
    return np.broadcast_to(np.arange(size, dtype=np.uint8)[:, None, None, None], (size, 2, 2, 1)).copy()


def number(x: jax.Array) -> np.ndarray:
    """The number of each of `numbered`, from the batch's floats."""
    return np.asarray(jnp.round((x[:, 0, 0, 0] + 1) * 127.5), int)


def lines_of(found: Text) -> list[str]:
    """All examples, in an order of the stream's."""
    (batch,) = take(found.source, 1, batch_size=found.source.size)
    return ["".join(found.alphabet[place] for place in line) for line in np.asarray(batch.x).argmax(-1)]
