"""Each example's condition is computed from it, wherever it is read; those for samples are held out and remembered."""

import json
import logging

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from source_properties import check_no_threads_left, check_resumes, check_shapes, number, numbered, take

from gan_jax.data.conditions import conditioned, paired
from gan_jax.data.memory import is_note, noting, planning, recalling, remembered
from gan_jax.data.packaged.digits import digits
from gan_jax.data.source import Source, image_example, on_device
from gan_jax.data.stream import streamed
from gan_jax.data.transforms import dequantize, mirror
from gan_jax.errors import UserError
from gan_jax.types import Batch


def details(x):
    """A condition of two leaves."""
    return {"mean": x.mean((0, 1)), "corner": (x[:1, :1], jnp.int32(x[0, 0, 0] > 0))}


def as_needed(count: int) -> Source:
    """Images that threads read."""
    example = image_example((2, 2, 1), labelled=False)
    return streamed(numbered(count), lambda image: Batch(image), example)._replace(name=f"{count} records")


def with_test_split(count: int) -> Source:
    """Images 0 to `count`, whose test split is the rest up to 256."""

    def split(name: str) -> Source:
        return on_device(numbered(256)[{"train": slice(count), "test": slice(count, None)}[name]], name=name)

    return split("train")._replace(split=split)


@pytest.mark.parametrize("make", [lambda: on_device(numbered(20)), lambda: as_needed(20)])
def test_a_conditioned_source_is_a_source_whose_conditions_fit_its_examples(make):
    source = conditioned(make(), details, name="details")
    check_shapes(source)
    check_resumes(source)
    (batch,) = take(source, 1)
    jax.tree.map(np.testing.assert_array_equal, batch.condition, jax.vmap(details)(batch.x))
    assert (source.size, source.classes) == (20, 0)


def test_no_thread_is_left_of_a_conditioned_stream():
    check_no_threads_left(conditioned(as_needed(20), details, name="details"))


def test_its_name_is_another_and_its_examples_and_splits_are_the_sources():
    plain, source = digits(), conditioned(digits(), jnp.mean, name="brightness")
    assert source.name == "digits train given brightness"
    assert source.split("test").name == "digits test given brightness"
    np.testing.assert_array_equal(take(source, 1)[0].x, take(plain, 1)[0].x)
    (batch,) = take(source.split("test"), 1)
    np.testing.assert_array_equal(batch.x, take(plain.split("test"), 1)[0].x)
    np.testing.assert_allclose(batch.condition, batch.x.mean((1, 2, 3)), rtol=1e-5)
    assert (source.size, source.found) == (plain.size, plain.found)


def test_conditions_for_samples_are_of_the_test_split(caplog):
    source = conditioned(with_test_split(40), lambda x: x, name="itself", num=9)
    held_out = number(source.conditions)
    assert len(set(held_out)) == 9
    assert min(held_out) >= 40
    assert not caplog.records


@pytest.mark.parametrize("num", [9, 100])
def test_without_a_test_split_they_are_of_the_source_and_a_warning_says_so(caplog, num):
    caplog.set_level(logging.WARNING)
    source = conditioned(dequantize(on_device(numbered(40), name="ours")), lambda x: x, name="itself", num=num)
    held_out = number(source.conditions)
    assert len(set(held_out)) == len(held_out) == min(num, 40)
    np.testing.assert_allclose(source.conditions[:, 0, 0, 0], (held_out - 127.5) / 127.5, atol=1e-6)  # no noise
    assert caplog.messages == [
        "ours given itself has no test split: samples are drawn under conditions of its own examples"
    ]


def test_a_run_remembers_the_conditions_of_its_samples_and_opens_nothing():
    calls = []

    @remembered(Source)
    def images():
        calls.append("images")

        def split(name: str) -> Source:
            return images()

        return on_device(numbered(20), name="20 images")._replace(split=split)

    with noting() as notes:
        source = conditioned(images(), details, name="details")
    read, notes = len(calls), json.loads(json.dumps(notes))
    assert len(notes) == 2
    assert all(map(is_note, notes))
    with recalling(notes):
        recalled = conditioned(images(), details, name="details")
    assert len(calls) == read
    jax.tree.map(np.testing.assert_array_equal, recalled.conditions, source.conditions)
    assert (recalled.example, recalled.name) == (source.example, source.name)
    broken = {"loader": "conditioned", "data": {"arrays": [[[3], "float32", "AAAA"]]}}
    assert not is_note(broken)


def test_a_plan_knows_the_shapes_of_conditions_and_reads_none():
    with planning():
        source = conditioned(digits(), details, name="details")
    assert source.example == conditioned(digits(), details, name="details").example
    assert source.held_out is None


def test_the_halves_of_a_pair_are_condition_and_example():
    both = np.concatenate([numbered(30), numbered(30) + 100], axis=2)
    (batch,) = take(paired(on_device(both)), 1)
    assert batch.x.shape == (8, 2, 2, 1)
    np.testing.assert_array_equal(number(batch.x), number(batch.condition) + 100)
    (other,) = take(paired(on_device(both), "right"), 1)
    np.testing.assert_array_equal(other.x, batch.condition)
    np.testing.assert_array_equal(other.condition, batch.x)
    assert paired(on_device(both, name="pairs"), "right").name == "pairs given the right half"


@pytest.mark.parametrize(("shape", "given"), [((2, 3, 1), "left"), ((2, 4, 1), "top")])
def test_examples_without_two_halves_are_refused(shape, given):
    with pytest.raises(UserError, match=r"give images \[H, 2 W, C\], and left or right"):
        paired(on_device(np.zeros((10, *shape), np.uint8)), given)


def test_examples_are_mirrored_before_their_conditions_are_made():
    source = on_device(numbered(20))
    check_shapes(conditioned(mirror(source, 1), details, name="details"))
    with pytest.raises(UserError, match="mirror the examples first"):
        mirror(conditioned(source, details, name="details"), 1)


def test_a_source_whose_samples_get_no_fitting_condition_is_refused_where_they_are_drawn():
    source = conditioned(on_device(numbered(20), name="ours"), jnp.mean, name="mean")
    for held_out in (None, np.zeros((4, 2), np.float32)):
        with pytest.raises(UserError, match=r"ours given mean has conditions float32\[\] and holds out .*for samples"):
            source._replace(held_out=held_out).conditions  # noqa: B018


def test_samples_get_each_class_once_or_no_condition():
    assert on_device(numbered(4)).conditions is None
    np.testing.assert_array_equal(on_device(numbered(4), np.array([0, 2, 2, 1])).conditions, [0, 1, 2])
