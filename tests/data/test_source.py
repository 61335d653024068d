import hashlib

import jax.numpy as jnp
import numpy as np
import pytest
from source_properties import (
    check_epochs,
    check_no_threads_left,
    check_resumes,
    check_shapes,
    number,
    numbered,
    take,
)

from gan_jax.data.source import image_example, on_device, to_float
from gan_jax.data.stream import streamed
from gan_jax.types import Batch


def streamed_numbers(size: int, *, labelled: bool = True):
    images = numbered(size)

    def decode(i):
        return Batch(images[i], int(i) % 3 if labelled else None)

    return streamed(range(size), decode, image_example((2, 2, 1), labelled=labelled), classes=3 * labelled)


SOURCES = {
    "on_device": lambda: on_device(numbered(23), np.arange(23) % 3),
    "on_device_unlabelled": lambda: on_device(numbered(23)),
    "streamed": lambda: streamed_numbers(23),
    "streamed_unlabelled": lambda: streamed_numbers(23, labelled=False),
}


@pytest.fixture(params=SOURCES)
def source(request):
    return SOURCES[request.param]()


def test_arrays_without_a_name_are_told_apart_by_their_pixels():
    ours, others = numbered(23), numbered(23)[::-1]
    assert on_device(ours).name == "23 images of 2x2x1, sha256 " + hashlib.sha256(ours.tobytes()).hexdigest()[:8]
    assert on_device(ours).name != on_device(others).name
    assert on_device(ours, name="mine").name == "mine"
    labels = np.arange(23) % 3
    assert on_device(ours, labels).name == on_device(ours, labels.astype(np.uint8)).name
    assert len({on_device(ours).name, on_device(ours, labels).name, on_device(ours, 2 - labels).name}) == 3


def test_a_batch_has_the_shapes_of_the_example(source):
    check_shapes(source)


def test_a_resumed_stream_sees_the_same_data(source):
    check_resumes(source)


def test_each_epoch_has_every_example_once_in_its_own_order(source):
    check_epochs(source, number)


def test_a_batch_may_be_larger_than_the_data(source):
    (batch,) = take(source, 1, batch_size=69)
    assert sorted(number(batch.x)) == sorted(list(range(23)) * 3)


def test_an_abandoned_stream_leaves_no_thread(source):
    check_no_threads_left(source)


def test_a_late_step_starts_at_once(source):
    assert take(source, 1, first=10**7)[0].x.shape == (8, 2, 2, 1)


@pytest.mark.parametrize("name", ["on_device", "streamed"])
def test_labels_stay_with_their_images(name):
    source = SOURCES[name]()
    assert source.classes == 3
    for batch in take(source, 4):
        np.testing.assert_array_equal(number(batch.x) % 3, batch.condition)


def test_pixels_fill_the_interval_from_minus_1_to_1_exactly():
    x = to_float(jnp.arange(256, dtype=jnp.uint8))
    assert x.min() == -1
    assert x.max() == 1


def test_a_record_that_fails_to_decode_stops_the_stream_with_its_error():
    def decode(i):
        raise ValueError("no photo")

    source = streamed(range(4), decode, image_example((2, 2, 1), labelled=False))
    with pytest.raises(
        OSError, match=r"\d can't be decoded \(ValueError: no photo\): put a whole one back and .* without it"
    ):
        take(source, 1)
