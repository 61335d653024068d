"""Measures of sounds: hits of the same kind are nearer than a hum, in the features of the packaged classifier."""

import jax
import numpy as np
import pytest

from gan_jax import measures
from gan_jax.data.packaged.drums import drums
from gan_jax.features import drum_classifier as sound_classifier


@pytest.fixture(scope="module")
def measure():
    return measures.sounds(sound_classifier.drums())


@pytest.fixture(scope="module")
def hits():
    return [
        np.asarray(next(drums(split).stream(jax.random.key(0), 0, n)).x) for split, n in (("train", 67), ("test", 21))
    ]


def test_other_hits_are_nearer_to_hits_than_a_hum_or_noise_is(measure, hits):
    train, test = hits
    random = np.random.default_rng(0)
    tones = np.sin(2 * np.pi * random.uniform(80, 2000, (21, 1, 1)) * np.arange(16_384)[:, None] / 16_000)
    noise = 0.3 * random.normal(size=test.shape)
    real = measure.summarise([train])
    found = [measure.compare(real, measure.summarise([x.astype(np.float32)])) for x in (test, tones, noise)]
    for name in ("frechet_distance", "kernel_distance", "nearest"):
        assert found[0][name] < min(other[name] for other in found[1:])
    assert found[0]["coverage"] > 0.3
    assert not measure.collapsed(found[0])
    one = measure.compare(real, measure.summarise([np.repeat(test[:1], 21, 0)]))
    assert one["duplicates"] == 1


def test_the_protocol_says_that_it_is_of_sounds_and_how_they_are_heard(measure):
    protocol = measure.protocol(67)
    assert protocol["measure"] == "sounds"
    assert protocol["resize"].startswith("log-mel at 16 kHz")
    assert len(protocol["weights"]) == 64
    assert measure.num == 1000
