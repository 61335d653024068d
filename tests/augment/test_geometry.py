"""Geometric transforms of images against NumPy and scipy.ndimage, and their distributions."""

import jax.numpy as jnp
import numpy as np
import pytest
from augmentations import applied, drawn, examples, fixed
from scipy import ndimage

from gan_jax import augment
from gan_jax.augment.algebra import chain
from gan_jax.augment.warp import reflected, warp
from gan_jax.errors import UserError

SIDE = 24
SHAPE = (SIDE, SIDE, 3)


def smooth(side: int = SIDE, width: float = 1.6) -> np.ndarray:
    """Three channels of a random image that fades to black, -1, at its edges: [side, side, 3]."""
    noise = np.random.default_rng(0).normal(size=(side, side, 3))
    frame = np.zeros((side, side, 1))
    frame[5:-5, 5:-5] = 1
    image = ndimage.gaussian_filter(noise, (width, width, 0)) * ndimage.gaussian_filter(frame, (1.2, 1.2, 0))
    return (image / np.abs(image).max() - 1).astype(np.float32)


def by_scipy(image: np.ndarray, matrix: np.ndarray, mode: str = "mirror") -> np.ndarray:
    """The warp by splines of order 5. Its axes are (y, x), ours (x, y), and its `mirror` is our reflection."""
    linear, offset = matrix[:2, :2][::-1, ::-1], matrix[:2, 2][::-1]
    centre = (np.array(image.shape[:2]) - 1) / 2
    offset = offset + centre - linear @ centre
    channels = [
        ndimage.affine_transform(channel.astype(float), linear, offset, order=5, mode=mode, cval=-1)
        for channel in np.moveaxis(image, -1, 0)
    ]
    return np.stack(channels, -1)


def matrix_of(transform, *numbers):
    return np.asarray(transform.draw(jnp.array(numbers, jnp.float32), SHAPE, 0))


@pytest.mark.parametrize(("number", "mirrored"), [(0.2, True), (0.8, False)])
def test_flip_is_exact(number, mirrored):
    x = examples(2, (5, 7, 3))
    seen = applied(fixed(augment.flip(), number), x)
    np.testing.assert_array_equal(seen, x[:, :, ::-1] if mirrored else x)


@pytest.mark.parametrize("turns", range(4))
def test_quarter_turns_are_exact(turns):
    x = examples(2, SHAPE)
    np.testing.assert_array_equal(applied(fixed(augment.rotate90(), turns / 4), x), np.rot90(x, -turns, (1, 2)))


def test_quarter_turns_of_images_that_are_not_square_keep_the_centre():
    x = examples(2, (6, 4, 1))
    expected = np.full((2, 6, 4, 1), -1.0)
    expected[:, 1:5] = np.rot90(x, -1, (1, 2))[:, :, 1:5]
    np.testing.assert_array_equal(applied(fixed(augment.rotate90(background=-1), 0.3), x), expected)
    reflected = np.pad(expected[:, 1:5], [(0, 0), (1, 1), (0, 0), (0, 0)], mode="reflect")
    np.testing.assert_array_equal(applied(fixed(augment.rotate90(), 0.3), x), reflected)
    with pytest.raises(UserError, match="rotate90 can't turn 6x5 images: their sides differ by an odd number"):
        applied(augment.rotate90(), examples(2, (6, 5, 1)))


@pytest.mark.parametrize(("x", "y"), [(3, 0), (-2, 1), (0, -3), (3, 3)])
@pytest.mark.parametrize("background", [-1.0, (0.5, -0.25, 1.0)])
def test_translation_by_whole_pixels_is_exact(x, y, background):
    images = np.asarray(examples(2, SHAPE))
    numbers = [(pixels / (0.125 * SIDE) + 1) / 2 for pixels in (x, y)]
    expected = np.broadcast_to(np.float32(background), images.shape).copy()
    into = [slice(max(by, 0), SIDE + min(by, 0)) for by in (y, x)]
    out_of = [slice(max(-by, 0), SIDE + min(-by, 0)) for by in (y, x)]
    expected[:, into[0], into[1]] = images[:, out_of[0], out_of[1]]
    seen = applied(fixed(augment.translate(background=background), *numbers), images)
    np.testing.assert_array_equal(seen, expected)


@pytest.mark.parametrize(("x", "y"), [(3, 0), (-2, 1), (3, -3)])
def test_by_default_what_comes_into_the_frame_is_the_image_reflected_at_its_edges(x, y):
    images = np.asarray(examples(2, SHAPE))
    numbers = [(pixels / (0.125 * SIDE) + 1) / 2 for pixels in (x, y)]
    padded = np.pad(images, [(0, 0), (3, 3), (3, 3), (0, 0)], mode="reflect")
    expected = padded[:, 3 - y : 3 - y + SIDE, 3 - x : 3 - x + SIDE]
    np.testing.assert_array_equal(applied(fixed(augment.translate(), *numbers), images), expected)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_reflection_repeats_beyond_one_image(size):
    beyond = 13
    expected = np.pad(np.arange(size), beyond, mode="reflect")
    np.testing.assert_array_equal(reflected(jnp.arange(-beyond, size + beyond), size), expected)


@pytest.mark.parametrize(("background", "mode"), [(None, "mirror"), (-1.0, "constant")])
@pytest.mark.parametrize(
    ("transform", "numbers"),
    [
        (augment.rotate, [0.5 + 1 / 12]),
        (augment.rotate, [0.2]),
        (augment.scale, [0.9]),
        (augment.scale, [0.001]),
        (augment.anisotropic, [0.2]),
        (augment.translate_subpixel, [0.6, 0.45]),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_smooth_images_are_warped_as_by_splines(transform, numbers, background, mode):
    image, transform = smooth(), transform(background=background)
    seen = applied(fixed(transform, *numbers), image[None])[0]
    np.testing.assert_allclose(seen, by_scipy(image, matrix_of(transform, *numbers), mode), atol=0.03)


def test_an_image_that_reaches_its_edges_is_reflected_there_as_by_splines():
    image = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=SHAPE), (2, 2, 0), mode="mirror")
    image = (image / np.abs(image).max()).astype(np.float32)
    turn = fixed(augment.rotate(), 0.6)
    matrix = matrix_of(augment.rotate(), 0.6)
    np.testing.assert_allclose(applied(turn, image[None])[0], by_scipy(image, matrix), atol=0.03)
    assert np.abs(by_scipy(image, matrix) - by_scipy(image, matrix, "constant")).max() > 0.5


@pytest.mark.parametrize(
    ("transform", "numbers"),
    [(augment.rotate(), [0.6]), (augment.scale(), [0.2]), (augment.translate_subpixel(), [0.4, 0.7])],
)
def test_reflection_is_that_of_a_larger_image_padded_by_its_reflection(transform, numbers):
    """To rounding, of noise, which has no smooth edges."""
    x, pad = np.asarray(examples(2, SHAPE)), SIDE - 1
    matrices = jnp.broadcast_to(matrix_of(transform, *numbers), (2, 3, 3))
    larger = np.pad(x, [(0, 0), (pad, pad), (pad, pad), (0, 0)], mode="reflect")
    inside = warp(matrices, jnp.asarray(larger), 0.0)[:, pad:-pad, pad:-pad]
    np.testing.assert_allclose(warp(matrices, jnp.asarray(x), None), inside, atol=1e-4)


@pytest.mark.parametrize(("background", "mode"), [(None, "mirror"), (-1.0, "constant")])
def test_a_chain_of_geometry_is_one_warp_as_by_splines(background, mode):
    parts = [(augment.scale, [0.3]), (augment.rotate, [0.4]), (augment.anisotropic, [0.7])]
    parts.append((augment.translate_subpixel, [0.4, 0.6]))
    parts = [(transform(background=background), numbers) for transform, numbers in parts]
    matrix = np.linalg.multi_dot([matrix_of(transform, *numbers) for transform, numbers in parts])
    seen = applied(chain(*[fixed(transform, *numbers) for transform, numbers in parts]), smooth()[None])[0]
    np.testing.assert_allclose(seen, by_scipy(smooth(), matrix, mode), atol=0.03)
    if mode == "constant":  # one by one, each step would cut off what the next reflects
        one_by_one = smooth()
        for transform, numbers in parts:
            one_by_one = by_scipy(one_by_one, matrix_of(transform, *numbers), mode)
        np.testing.assert_allclose(seen, one_by_one, atol=0.04)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_rotation_by_quarter_turns_agrees_with_rotate90(turns):
    """So both turn clockwise, as the image is seen."""
    seen = applied(fixed(augment.rotate(), 0.5 + turns / 4), smooth()[None])
    np.testing.assert_allclose(seen, np.rot90(smooth()[None], -turns, (1, 2)), atol=0.03)


def test_what_the_output_cannot_hold_is_filtered_out_where_the_image_is_reduced():
    """The finest stripes turn grey at half the size, and coarse ones stay. Without the filter, they stay as aliases."""
    half = jnp.diag(jnp.array([2.0, 2.0, 1.0]))[None]
    place = np.arange(48)

    def contrast(period: float) -> float:
        stripes = np.cos(2 * np.pi * (place + 0.25) / period).astype(np.float32)
        image = np.broadcast_to(stripes[None, None, :, None], (1, 48, 48, 1))
        return float(np.std(np.asarray(warp(half, jnp.asarray(image), 0.0))[0, 18:30, 18:30]))

    assert contrast(2.6) < 0.05
    assert contrast(12) == pytest.approx(0.5**0.5, rel=0.15)


@pytest.mark.parametrize("background", [None, 0.7])
def test_a_uniform_image_of_the_background_stays_uniform(background):
    image = jnp.full((4, SIDE, SIDE, 3), 0.7)
    np.testing.assert_allclose(applied(augment.ada(color=0.0, background=background), image), image, atol=1e-6)


def test_a_background_of_too_many_channels_is_refused():
    with pytest.raises(UserError, match=r"background \(1.0, 0.0\): want one number, or one for each of 3 channels"):
        applied(augment.flip(background=(1, 0)), examples(2, SHAPE))


def test_distributions_are_those_of_stylegan2_ada():
    """The default settings of training/augment.py of NVlabs/stylegan2-ada-pytorch."""
    flips = drawn(augment.flip(), SHAPE)[:, 0, 0]
    assert np.mean(flips == -1) == pytest.approx(0.5, abs=0.03)
    turns = drawn(augment.rotate90(), SHAPE)[:, 0, :2]
    for direction in ([1, 0], [0, 1], [-1, 0], [0, -1]):
        assert np.mean((turns == direction).all(1)) == pytest.approx(0.25, abs=0.03)
    whole = drawn(augment.translate(), (64, 32, 1))[:, :2, 2]
    assert np.array_equal(whole, np.round(whole))
    assert np.abs(whole).max(0).tolist() == [4, 8]
    np.testing.assert_allclose(np.std(whole, 0), np.array([4, 8]) / 3**0.5, rtol=0.06)
    fine = drawn(augment.translate_subpixel(), (64, 32, 1))[:, :2, 2]
    np.testing.assert_allclose(np.std(fine, 0), [4, 8], rtol=0.05)
    size = drawn(augment.scale(), SHAPE)
    np.testing.assert_allclose(np.std(np.log2(size[:, 0, 0])), 0.2, rtol=0.05)
    np.testing.assert_array_equal(size[:, 0, 0], size[:, 1, 1])
    sides = drawn(augment.anisotropic(), SHAPE)
    np.testing.assert_allclose(np.std(np.log2(sides[:, 0, 0])), 0.2, rtol=0.05)
    np.testing.assert_allclose(sides[:, 0, 0] * sides[:, 1, 1], 1, rtol=1e-5)
    angles = drawn(augment.rotate(), SHAPE)
    angles = np.arctan2(angles[:, 0, 1], angles[:, 0, 0])
    assert np.abs(angles).max() == pytest.approx(np.pi, rel=0.01)
    assert np.std(angles) == pytest.approx(np.pi / 3**0.5, rel=0.04)
    for mean in (np.mean(whole, 0) / 8, np.mean(fine, 0) / 8, np.log2(size[:, 0, 0]).mean(), angles.mean() / np.pi):
        np.testing.assert_allclose(mean, 0, atol=0.04)
