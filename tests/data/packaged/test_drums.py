import numpy as np
import pytest
from source_properties import check_resumes, check_shapes, take

from gan_jax.data.packaged.drums import FOLDER, drums

COUNTS = {"train": [6, 13, 15, 8, 20, 5], "test": [2, 4, 5, 2, 6, 2]}


def whole(split):
    return take(drums(split), 1, batch_size=sum(COUNTS[split]))[0]


@pytest.mark.parametrize("split", COUNTS)
def test_drums_are_a_source_of_six_classes(split):
    source = drums(split)
    assert (source.size, source.classes) == (sum(COUNTS[split]), 6)
    assert source.name.startswith(f"drums {split}, ")
    check_shapes(source)
    check_resumes(source)
    assert np.bincount(whole(split).condition).tolist() == COUNTS[split]


def test_no_hit_is_in_both_splits_and_each_split_knows_the_other():
    both = np.concatenate([whole(split).x for split in COUNTS])
    assert len({hit.tobytes() for hit in both}) == 88
    test = drums().split("test")
    assert test.name.startswith("drums test, 21 sounds of 16384x1, sha256 ")
    assert test.split("train").size == 67


def test_hits_begin_at_once_are_as_loud_as_one_another_and_end_in_silence():
    x = np.concatenate([whole(split).x for split in COUNTS])[..., 0]
    np.testing.assert_allclose(np.abs(x).max(1), 0.89, atol=1e-3)
    assert (np.abs(x[:, :160]).max(1) > 0.008).all()
    assert (np.abs(x[:, -1]) < 0.01).all()


def test_kicks_are_low_and_cymbals_high():
    batch = whole("train")
    power = np.abs(np.fft.rfft(batch.x[..., 0])) ** 2
    middle = (power * np.linspace(0, 8000, power.shape[1])).sum(1) / power.sum(1)  # hertz
    cymbal, kick = (np.median(middle[np.asarray(batch.condition) == label]) for label in (0, 1))
    assert kick < 300
    assert cymbal > 3000


def test_every_file_has_its_source_in_the_readme():
    table = (FOLDER / "README.md").read_text()
    files = [str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*.flac")]
    assert len(files) == 88
    assert all(f"| {file} |" in table for file in files)


def test_a_split_that_drums_have_not_is_named():
    with pytest.raises(ValueError, match="no split 'dev': they have train and test"):
        drums("dev")
