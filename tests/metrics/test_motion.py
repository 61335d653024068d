"""How clips move, in closed form."""

import numpy as np
import pytest

from gan_jax.metrics.motion import centres, distances, motion


def dots(rows, size=20):
    """A clip [1, frames, size, size, 1], dark but for one pixel of column 3, whose rows are given."""
    clip = np.full((1, len(rows), size, size, 1), -1.0, np.float32)
    clip[0, np.arange(len(rows)), rows, 3] = 1
    return clip


def test_a_dot_that_goes_two_pixels_a_frame_is_as_fast_as_that_and_steady():
    found = motion(dots([1, 3, 5, 7, 9, 7, 5]))
    np.testing.assert_allclose(found.speed, 2 / 20)
    np.testing.assert_allclose(found.unsteadiness, 0, atol=1e-12)
    np.testing.assert_allclose(found.change, 2 * 2 / 400)  # two pixels, each from -1 to 1 or back


def test_unsteadiness_is_the_deviation_of_the_steps():
    np.testing.assert_allclose(motion(dots([0, 1, 4, 5, 8])).unsteadiness, 1 / 20)  # steps of 1 and 3


def test_a_still_clip_does_not_move():
    assert [float(value[0]) for value in motion(dots([4, 4, 4]))] == [0, 0, 0]


def test_the_centre_of_light_is_that_of_the_pixels_and_of_the_square_where_all_is_dark():
    clip = np.concatenate([dots([4]), np.full((1, 1, 20, 20, 1), -1.0)], 1)
    np.testing.assert_allclose(centres(clip)[0], [[4.5 / 20, 3.5 / 20], [0.5, 0.5]])


def test_colours_count_by_their_mean():
    clip = dots([1, 3, 5])
    np.testing.assert_allclose(motion(clip.repeat(3, -1)), motion(clip))


def test_the_distance_of_clips_that_are_all_faster_by_a_tenth_is_a_tenth():
    slow = motion(np.concatenate([dots([1, 2, 3]), dots([1, 1, 1])]))
    fast = slow._replace(speed=slow.speed + 0.1)
    assert distances(slow, fast).speed == pytest.approx(0.1)
    assert distances(slow, slow) == (0, 0, 0)


@pytest.mark.parametrize("shape", [(3, 4, 4, 1), (3, 1, 4, 4, 1)])
def test_what_has_no_time_is_refused(shape):
    with pytest.raises(ValueError, match="2 or more frames"):
        motion(np.zeros(shape))
