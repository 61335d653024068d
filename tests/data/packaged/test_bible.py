import numpy as np
from source_properties import check_resumes, check_shapes, take

from gan_jax.data.packaged.bible import load, new_testament


def test_the_new_testament_has_7957_verses():
    verses = load()
    assert len(verses) == 7957
    assert verses[0] == "The book of the generation of Jesus Christ, the son of David, the son of Abraham."
    assert verses[-1] == "The grace of our Lord Jesus Christ be with you all. Amen."


def test_it_is_a_source_of_windows_in_letters_and_spaces(caplog):
    found = new_testament()
    assert (found.source.size, len(found.words)) == (126_377, 5809)
    assert sorted(found.alphabet) == sorted(" abcdefghijklmnopqrstuvwxyz")
    assert found.source.name.startswith("New Testament train, ")
    assert not caplog.records
    check_shapes(found.source)
    check_resumes(found.source)
    assert {"faith", "hope", "charity"} <= found.words


def test_of_held_out_words_most_occur_in_training():
    found = new_testament()
    test = found.source.split("test")
    (batch,) = take(test, 1, batch_size=1000)
    lines = ["".join(found.alphabet[place] for place in line) for line in np.asarray(batch.x).argmax(-1)]
    words = [word for line in lines for word in line.split()]
    assert 0.95 < np.mean([word in found.words for word in words]) < 1
