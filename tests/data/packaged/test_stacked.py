import jax
import numpy as np
import pytest
from source_properties import check_resumes, check_shapes, take

from gan_jax import measures
from gan_jax.data.packaged.digits import digits
from gan_jax.data.packaged.stacked import stacked_digits
from gan_jax.features import classifier


def test_stacked_digits_are_an_endless_source():
    source = stacked_digits()
    assert (source.size, source.classes, source.name) == (None, 0, "stacked digits")
    check_shapes(source)
    check_resumes(source)


def test_every_channel_is_a_training_digit_and_channels_are_independent():
    (batch,) = take(stacked_digits(), 1, batch_size=200)
    known = {image.tobytes() for image in np.asarray(next(digits().stream(jax.random.key(0), 0, 4000)).x)}
    channels = np.moveaxis(np.asarray(batch.x), -1, 0)[..., None]
    assert all(image.tobytes() in known for channel in channels for image in channel)
    assert not any(np.array_equal(a, b) for a, b in ((channels[0], channels[1]), (channels[1], channels[2])))


@pytest.mark.exhaustive
def test_real_stacks_cover_their_modes_as_well_as_chance_does():
    measure = measures.stacked(classifier.digits())
    (batch,) = take(stacked_digits(), 1, batch_size=1500)
    found = measure.compare(None, measure.summarise([np.asarray(batch.x)]))
    assert found["covered"] > 740  # 777 in the mean
    assert found["reverse_kl"] < 1.15 * found["reverse_kl_floor"]
