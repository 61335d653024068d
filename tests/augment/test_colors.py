"""Colour transforms, noise and cutout against NumPy, and their distributions."""

import numpy as np
import pytest
from augmentations import applied, drawn, examples, fixed
from scipy.special import ndtri

from gan_jax import augment
from gan_jax.augment.algebra import chain
from gan_jax.errors import UserError

SHAPE = (6, 6, 3)
GREY = (6, 6, 1)
LUMA = np.full((3, 3), 1 / 3)


def turn(angle: float) -> np.ndarray:
    """The rotation about (1, 1, 1), by the exponential of its generator."""
    from scipy.linalg import expm

    return expm(angle / 3**0.5 * np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]))


@pytest.mark.parametrize(
    ("transform", "linear", "offset"),
    [
        (fixed(augment.brightness(), 0.8), np.eye(3), 0.2 * ndtri(0.8)),
        (fixed(augment.contrast(), 0.8), np.eye(3) * 2 ** (0.5 * ndtri(0.8)), 0),
        (fixed(augment.luma_flip(), 0.2), np.eye(3) - 2 * LUMA, 0),
        (fixed(augment.luma_flip(), 0.8), np.eye(3), 0),
        (fixed(augment.hue(), 0.75), turn(np.pi / 2), 0),
        (fixed(augment.saturation(), 0.3), LUMA + 2 ** ndtri(0.3) * (np.eye(3) - LUMA), 0),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
@pytest.mark.parametrize("shape", [SHAPE, GREY], ids=["rgb", "grey"])
def test_colours_are_mapped_as_by_numpy(transform, linear, offset, shape):
    """A grey image is three equal channels, and their mean."""
    x = np.asarray(examples(2, shape))
    expected = np.broadcast_to(x, (*x.shape[:3], 3)) @ linear.T + offset
    expected = expected if shape == SHAPE else expected.mean(-1, keepdims=True)
    np.testing.assert_allclose(applied(transform, x), expected, rtol=1e-5, atol=1e-6)


def test_hue_takes_red_to_green_to_blue_and_keeps_grey():
    third = fixed(augment.hue(), 0.5 + 1 / 3)
    red, green, grey = np.array([[[[1, 0, 0]]], [[[0, 1, 0]]], [[[0.4, 0.4, 0.4]]]], np.float32)
    expected = np.array([[[[0, 1, 0]]], [[[0, 0, 1]]], [[[0.4, 0.4, 0.4]]]])
    np.testing.assert_allclose(applied(third, np.stack([red, green, grey])), expected, atol=1e-6)


@pytest.mark.parametrize("transform", [augment.hue(), augment.saturation()])
def test_hue_and_saturation_leave_grey_images_alone_to_the_last_bit(transform):
    x = examples(8, GREY)
    np.testing.assert_array_equal(applied(transform, x), x)


def test_luma_flip_makes_a_grey_image_its_negative():
    x = examples(2, GREY)
    np.testing.assert_allclose(applied(fixed(augment.luma_flip(), 0.2), x), -x, atol=1e-6)


def test_a_chain_of_colours_is_the_product_of_their_maps_in_order():
    parts = [(augment.brightness(), 0.7), (augment.contrast(), 0.3), (augment.hue(), 0.6), (augment.saturation(), 0.8)]
    x = examples(2, SHAPE)
    one_by_one = x
    for transform, number in parts:
        one_by_one = applied(fixed(transform, number), one_by_one)
    fused = applied(chain(*[fixed(transform, number) for transform, number in parts]), x)
    np.testing.assert_allclose(fused, one_by_one, atol=1e-5)


def test_images_of_other_channels_are_refused():
    with pytest.raises(UserError, match=r"colour transforms need 1 channel \(grey\) or 3 \(RGB\), the images have 2"):
        applied(augment.contrast(), examples(2, (6, 6, 2)))


def test_distributions_are_those_of_stylegan2_ada():
    added = drawn(augment.brightness(), SHAPE)[:, 0, 3]
    contrast = np.log2(drawn(augment.contrast(), SHAPE)[:, 0, 0])
    # trace: 1 + 2 cos(angle); 1 + 2 factor
    hue = np.arccos(np.clip((np.trace(drawn(augment.hue(), SHAPE)[:, :3, :3], axis1=1, axis2=2) - 1) / 2, -1, 1))
    saturation = np.log2((np.trace(drawn(augment.saturation(), SHAPE)[:, :3, :3], axis1=1, axis2=2) - 1) / 2)
    for values, std in ((added, 0.2), (contrast, 0.5), (saturation, 1.0)):
        assert np.mean(values) == pytest.approx(0, abs=0.06 * std)
        assert np.std(values) == pytest.approx(std, rel=0.05)
    assert np.mean(hue) == pytest.approx(np.pi / 2, rel=0.04)
    assert np.std(hue) == pytest.approx(np.pi / 12**0.5, rel=0.04)
    assert np.mean(drawn(augment.luma_flip(), SHAPE)[:, 0, 1] != 0) == pytest.approx(0.5, abs=0.03)


def test_noise_is_normal_and_of_another_strength_in_each_image():
    x = np.zeros((256, 16, 16, 3), np.float32)
    noise = applied(augment.noise(), x)
    strengths = noise.std((1, 2, 3))
    assert np.mean(strengths) == pytest.approx(0.1 * (2 / np.pi) ** 0.5, rel=0.12)  # of |N(0, 0.1²)|
    assert np.sqrt(np.mean(strengths**2)) == pytest.approx(0.1, rel=0.12)
    scaled = noise / strengths[:, None, None, None]
    assert np.mean(scaled) == pytest.approx(0, abs=0.01)
    assert np.mean(scaled**4) == pytest.approx(3, rel=0.03)
    assert len(np.unique(noise[:, 0, 0, 0])) == 256


@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.1, 0.9), (0.0, 0.3)])
def test_cutout_makes_a_rectangle_grey(centre):
    x = np.array(examples(2, (8, 12, 3)))
    seen = applied(fixed(augment.cutout(0.5), *centre), x)
    for row in range(8):
        for column in range(12):
            inside = abs((row + 0.5) / 8 - centre[0]) < 0.25 and abs((column + 0.5) / 12 - centre[1]) < 0.25
            np.testing.assert_array_equal(seen[:, row, column], 0 if inside else x[:, row, column])
