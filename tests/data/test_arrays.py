"""Arrays that aren't what they should be are refused, with the way to convert them, which works."""

import logging

import jax.numpy as jnp
import numpy as np
import pytest
from source_properties import check_shapes

from gan_jax.data.source import on_device

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), np.uint8)
PIXELS[0, 0, 0, 0], PIXELS[0, 0, 1, 0] = 0, 255
COLOURS = np.concatenate([PIXELS, 255 - PIXELS, PIXELS // 2], -1)
CLIPS = COLOURS.reshape(2, 6, 8, 8, 3)
LABELS = np.arange(12) % 3


def mend(error: ValueError, **given) -> np.ndarray:
    """What the expression in an error's line makes of the array that was given."""
    return eval(str(error).rsplit("use ", 1)[1], {"np": np}, given)


@pytest.mark.parametrize(
    ("images", "right"),
    [
        ((PIXELS / 255).astype(np.float32), PIXELS),
        (PIXELS / 127.5 - 1, PIXELS),
        (PIXELS.astype(float), PIXELS),
        (PIXELS.astype(int), PIXELS),
        (PIXELS.astype(np.uint16) * 257, PIXELS),
        (PIXELS > 127, (PIXELS > 127) * np.uint8(255)),
        (PIXELS[..., 0], PIXELS),
        (np.asarray(jnp.asarray(PIXELS / 255, jnp.bfloat16)), PIXELS),
        (COLOURS.transpose(0, 3, 1, 2), COLOURS),
        (COLOURS.transpose(1, 2, 3, 0), COLOURS),
        (CLIPS.transpose(0, 4, 1, 2, 3), CLIPS),
        (CLIPS.transpose(0, 1, 4, 2, 3), CLIPS),
        (np.concatenate([COLOURS, PIXELS], -1), COLOURS),
        (np.concatenate([PIXELS, PIXELS], -1), PIXELS),
        (CLIPS[..., 0], CLIPS[..., :1]),
        (COLOURS[0], COLOURS[:1]),
    ],
    ids=[
        "0 to 1",
        "-1 to 1",
        "0 to 255",
        "integers",
        "16 bits",
        "bool",
        "no channels",
        "bfloat16",
        "channels first",
        "examples last",
        "channels before frames",
        "channels after frames",
        "RGBA",
        "grey and opacity",
        "grey clips",
        "one image",
    ],
)
def test_images_of_another_form_are_refused_with_what_converts_them(images, right):
    with pytest.raises(ValueError, match=r"^images \w+ \[.*wanted") as raised:
        on_device(images)
    assert "\n" not in str(raised.value)
    np.testing.assert_array_equal(mend(raised.value, images=images), right)


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (np.zeros((0, 8, 8, 1), np.uint8), r"images uint8 \[0, 8, 8, 1\] are empty"),
        (np.zeros((4, 0, 8, 1), np.uint8), "are empty"),
        ([], "are empty"),
        (PIXELS * 300.0, "from 0 to 76500, where uint8 from 0 to 255 are wanted: scale them"),
        (np.where(PIXELS > 9, np.nan, 0), "from nan to nan, where uint8 .* scale them"),
        (PIXELS.astype(int) - 9, "from -9 to 246, .* scale them"),
        (np.array(["a.png"]), "no numbers, where uint8 .* convert them to numbers"),
        (PIXELS[0, :, :, 0], r"\[8, 8\], where \[N, H, W, C\] is wanted: reshape them"),
        (COLOURS[None, None], r"\[1, 1, 12, 8, 8, 3\], where \[N, H, W, C\] is wanted: reshape them"),
        (np.zeros((4, 8, 8, 8, 5), np.uint8), r"with 1 channel \(grey\) or 3 \(RGB\) is wanted: choose some$"),
        ([PIXELS[0], PIXELS[0, :3]], r"images that make no array \(.*\): give all of them one shape"),
    ],
)
def test_what_makes_no_images_is_refused(images, says):
    with pytest.raises(ValueError, match=says) as raised:
        on_device(images)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("labels", "right"),
    [
        (np.eye(3)[LABELS], LABELS),
        (LABELS[:, None], LABELS),
        (LABELS.astype(float), LABELS),
        (LABELS > 0, LABELS > 0),
        (np.array(["cat", "dog", "eel"])[LABELS], LABELS),
        (LABELS - 1, LABELS),
        (LABELS * 2**40, LABELS),
    ],
    ids=["one-hot", "a column", "floats", "bool", "names", "-1", "beyond int32"],
)
def test_labels_of_another_form_are_refused_with_what_converts_them(labels, right):
    with pytest.raises(ValueError, match=r"^labels .* wanted") as raised:
        on_device(PIXELS, labels)
    np.testing.assert_array_equal(mend(raised.value, labels=labels), right)


@pytest.mark.parametrize(
    ("labels", "classes", "says"),
    [
        (LABELS[:4], None, r"labels int64 \[4\], where integers \[12\] are wanted, one an example: give as many"),
        (LABELS, 2, "labels from 0 to 2, where 0 to 1 are wanted"),
        (LABELS, 0, "^0 classes of 12 labels: give 1 or more, or leave them out"),
        (LABELS, -3, "^-3 classes of 12 labels"),
        (3, None, r"labels int64 \[\], where integers \[12\]"),
        (None, 3, "3 classes and no labels"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, classes, says):
    with pytest.raises(ValueError, match=says):
        on_device(PIXELS, labels, classes=classes)


def test_classes_without_examples_are_named(caplog):
    with caplog.at_level(logging.WARNING):
        assert on_device(PIXELS, LABELS, classes=3).classes == 3
        assert not caplog.records
        assert on_device(PIXELS, LABELS + 1).classes == 4
        assert "1 of 4 classes have no example, so nothing teaches them: 0 (the" in caplog.text
        assert on_device(PIXELS, LABELS, classes=10**9).classes == 10**9
        assert ": 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 ... (the" in caplog.text


def test_labels_that_may_count_from_1_are_told_how_to_count_from_0(caplog):
    on_device(PIXELS, LABELS + 1)
    (told,) = caplog.messages
    assert told.endswith("(the first class is 0; if yours count from 1, use labels - 1)")
    assert on_device(PIXELS, eval("labels - 1", {"labels": LABELS + 1})).classes == 3
    for labels, classes in [(LABELS + 2, None), (LABELS + 1, 9), (LABELS * 2, None), (LABELS * 0, 2)]:
        caplog.clear()
        on_device(PIXELS, labels, classes=classes)
        assert "labels - 1" not in caplog.text


def test_images_that_are_all_but_black_are_warned_of(caplog):
    on_device(PIXELS // 128)
    assert "images from 0 to 1, of 255, are all but black: if 1 is white, use images * np.uint8(255)" in caplog.text


def test_lists_and_jax_arrays_are_arrays():
    images = on_device(PIXELS, LABELS)
    assert on_device(list(PIXELS), LABELS.tolist()).name == images.name
    assert on_device(jnp.asarray(PIXELS), jnp.asarray(LABELS)).name == images.name


def test_what_has_a_decoder_of_its_own_may_be_stored_as_anything():
    source = on_device(np.arange(12, dtype=np.int16).reshape(4, 3), decode=lambda x: x.astype(jnp.float32))
    check_shapes(source)
    check_shapes(on_device(np.zeros((4, 5, 8, 8, 3), np.uint8)))  # clips
    with pytest.raises(ValueError, match=r"examples int16 \[0, 3\] are empty"):
        on_device(np.zeros((0, 3), np.int16), decode=lambda x: x)
