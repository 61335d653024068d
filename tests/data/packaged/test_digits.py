import numpy as np
import pytest
from source_properties import check_resumes, check_shapes, take

from gan_jax.data.packaged.digits import digits, load


@pytest.mark.parametrize(("split", "size"), [("train", 4000), ("test", 1000)])
def test_digits_are_a_source_of_as_many_of_each_class(split, size):
    source = digits(split)
    assert (source.size, source.classes, source.name) == (size, 10, f"digits {split}")
    check_shapes(source)
    check_resumes(source)
    (batch,) = take(source, 1, batch_size=size)
    assert np.bincount(batch.condition).tolist() == [size // 10] * 10


def test_no_digit_is_in_both_splits_and_each_split_knows_the_other():
    train, test = digits(), digits().split("test")
    both = [take(source, 1, batch_size=source.size)[0].x for source in (train, test)]
    assert len({image.tobytes() for image in np.concatenate(both)}) == 5000
    assert test.split("train").size == 4000


def test_a_split_that_digits_have_not_is_named():
    with pytest.raises(ValueError, match="no split 'dev': they have train and test"):
        digits("dev")


def test_there_are_500_different_images_of_each_digit():
    images, labels = load()
    assert images.shape == (5000, 28, 28, 1)
    assert np.bincount(labels).tolist() == [500] * 10
    assert len({image.tobytes() for image in images}) == 5000


def test_digits_stand_upright():
    images, labels = load()
    mean = [images[labels == digit].mean(0)[..., 0] for digit in range(10)]
    assert mean[6][18:].sum() > 1.3 * mean[6][:10].sum()  # the loop of a 6 is at the bottom
    assert mean[7][14:, :14].sum() < 0.7 * mean[7][14:, 14:].sum()  # a 7 leaves out the bottom left


def test_nearest_neighbours_share_their_label():
    images, labels = load()
    x = images.reshape(5000, -1).astype(np.float32)[::10]
    distances = (x**2).sum(1)[:, None] + (x**2).sum(1)[None] - 2 * x @ x.T
    np.fill_diagonal(distances, np.inf)
    # 500 digits: 80-85 % by one nearest neighbour; chance is 10 %
    assert (labels[::10][distances.argmin(1)] == labels[::10]).mean() > 0.75
