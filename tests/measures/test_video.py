"""Real clips are near real ones; the same that stand still, or whose frames are shuffled, are far off."""

import jax
import numpy as np
import pytest

from gan_jax import measures
from gan_jax.data.packaged.moving_digits import moving_digits
from gan_jax.evaluation.examples import examples
from gan_jax.features import moving_digits as moving

COUNT = 256
DISTANCES = ("frechet_distance_clips", "frechet_distance_frames", "change_distance", "speed_distance",
             "unsteadiness_distance")  # fmt: skip


def take(split):
    return np.concatenate(list(examples(moving_digits(split), COUNT, jax.random.key(split == "test"))))


@pytest.fixture(scope="module")
def measure():
    return measures.videos(moving.clips(), moving.frames())


@pytest.fixture(scope="module")
def summaries(measure):
    train, test = take("train"), take("test")
    order = np.random.default_rng(0).permuted(np.tile(np.arange(16), (COUNT, 1)), axis=1)
    shuffled = np.take_along_axis(train, order[:, :, None, None, None], 1)
    clips = {"train": train, "test": test, "still": train[:, :1].repeat(16, 1), "shuffled": shuffled}
    return {name: measure.summarise(np.split(x, 2)) for name, x in clips.items()}


@pytest.mark.exhaustive
def test_held_out_clips_are_near_and_those_that_move_otherwise_far(measure, summaries):
    floor, still, shuffled = (
        measure.compare(summaries["train"], summaries[name]) for name in ("test", "still", "shuffled")
    )
    for name in ("frechet_distance_clips", "change_distance", "speed_distance", "unsteadiness_distance"):
        assert shuffled[name] > 3 * floor[name], name
        assert still[name] > (1 if name == "unsteadiness_distance" else 3) * floor[name], name
    assert floor["coverage"] > 0.7


def test_a_generator_of_one_clip_has_collapsed(measure, summaries):
    one = measure.summarise([take("test")[:1].repeat(COUNT, 0)])
    assert measure.collapsed(measure.compare(summaries["train"], one))
    assert not measure.collapsed(measure.compare(summaries["train"], summaries["test"]))


def test_frames_alone_do_not_tell_what_is_shuffled(measure, summaries):
    figures = measure.compare(summaries["train"], summaries["shuffled"])
    assert figures["frechet_distance_frames"] < 1e-3  # the same frames


def test_each_distance_is_known_to_be_better_low(measure, summaries):
    figures = measure.compare(summaries["train"], summaries["test"])
    assert set(DISTANCES) <= set(figures)
    assert {measure.better[name] for name in DISTANCES} == {"lower"}


def test_the_stamp_names_the_networks_and_their_weights(measure):
    stamp = measure.protocol(100)
    assert stamp["features"] == "moving digits, clips; moving digits, frames"
    assert len(stamp["weights"]) == 64
    assert "32x32" in stamp["resize"]
