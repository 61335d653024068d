"""Text files: codings, alphabets, lines that are skipped, and lines held out."""

import numpy as np
import pytest
from source_properties import check_resumes, check_shapes, lines_of, take

from gan_jax.data.folders.text import text

VERSES = [f"{number} green bottles hanging on the wall" for number in range(40)]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "verses.txt"
    path.write_text("\n".join(VERSES), encoding="utf-8")
    return path


def test_a_file_is_a_source_of_one_hot_lines(file):
    found = text(file)
    assert found.source.example.x.shape == (32, len(found.alphabet))
    check_shapes(found.source)
    check_resumes(found.source)
    (batch,) = take(found.source, 1)
    np.testing.assert_array_equal(np.sort(batch.x, -1), np.broadcast_to(np.eye(len(found.alphabet))[-1], batch.x.shape))
    assert found.words == {word for number, line in enumerate(VERSES) if number % 10 != 9 for word in line.split()}


def test_no_line_is_in_both_splits_which_share_one_alphabet(file):
    train = text(file, alphabet="0123456789 abcdefghijklmnopqrstuvwxyz")
    test = train.source.split("test")
    both = [{line.split()[0] for line in lines_of(train._replace(source=one))} for one in (train.source, test)]
    assert {"9", "19", "29", "39"} == {first for first in both[1] if first.isdigit()}
    assert not {first for first in both[0] if first.isdigit()} & {"9", "19", "29", "39"}
    assert test.example == train.source.example
    assert test.split("train").name == train.source.name
    with pytest.raises(ValueError, match="no split 'dev': it has train and test"):
        train.source.split("dev")


def test_the_alphabet_is_the_space_and_the_most_frequent_characters(tmp_path):
    (tmp_path / "a.txt").write_text("bb aa bb\naa cc bb\n")
    assert text(tmp_path / "a.txt").alphabet == " bac"
    assert text(tmp_path / "a.txt", alphabet="cab").alphabet == " cab"
    assert text(tmp_path / "a.txt", alphabet=3).alphabet == " ba"


def test_accents_of_an_alphabet_are_in_the_form_of_those_of_the_lines(tmp_path):
    (tmp_path / "a.txt").write_text("\u00e9t\u00e9\n" * 2, encoding="utf-8")
    assert text(tmp_path / "a.txt", alphabet="e\u0301t").alphabet == " \u00e9t"


def test_a_letter_beside_an_accent_of_its_own_in_the_alphabet_stays_itself_in_the_other_split(tmp_path):
    (tmp_path / "a.txt").write_text("e x\u0301 x\n" * 10, encoding="utf-8")
    found = text(tmp_path / "a.txt")
    assert found.alphabet == " xe\u0301"
    assert found.source.split("test").example.x.shape[-1] == 4


def test_lines_that_could_not_be_decoded_are_skipped(tmp_path):
    (tmp_path / "a.txt").write_text("caf\ufffd\nbar\n")
    assert text(tmp_path / "a.txt").source.found.skipped == (("line 1", "characters outside the alphabet: \ufffd"),)


def test_lines_with_other_characters_are_skipped_and_told_by_their_numbers(tmp_path, caplog):
    (tmp_path / "a.txt").write_text("plain words\n\nцарь\nmore words\nwords €\n", encoding="utf-8")
    found = text(tmp_path / "a.txt", alphabet="abcdefghijklmnopqrstuvwxyz")
    assert found.source.size == 2
    assert found.source.found.skipped == (
        ("line 3", "characters outside the alphabet: арць"),
        ("line 5", "characters outside the alphabet: €"),
    )
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{tmp_path}/a.txt train: 2 windows of 2 lines, 2 skipped (line 3: char")
    with pytest.raises(ValueError, match=r"each of its 4 lines .* outside the alphabet of 4: give a larger one, for "):
        text(tmp_path / "a.txt", alphabet="xyz")


def test_text_is_told_by_what_it_holds(tmp_path):
    names = []
    for place, held in enumerate(["ab ab", "ab ab", "cd cd"]):
        (tmp_path / f"{place}.txt").write_text(held)
        names.append(text(tmp_path / f"{place}.txt").source.name)
    assert names[0] == names[1] != names[2]
    assert names[0].startswith("text train, 1 lines of 32 of 3 characters, sha256 ")


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\u2028"])
def test_codings_that_say_so_and_every_end_of_a_line_are_read(tmp_path, coding, end):
    mark = "\ufeff" * coding.endswith("be")
    (tmp_path / "a.txt").write_bytes((mark + end.join(["Zoë", "Łukasz", ""])).encode(coding))
    assert sorted(lines_of(text(tmp_path / "a.txt", length=6))) == ["Zoë   ", "Łukasz"]


def test_blank_lines_are_not_counted_where_every_tenth_is_held_out(tmp_path):
    (tmp_path / "a.txt").write_text("\n\n".join(["one line"] * 40))
    assert text(tmp_path / "a.txt").source.split("test").size == 4
    (tmp_path / "a.txt").write_text("\n".join(VERSES[:9]))
    with pytest.raises(ValueError, match="every tenth line is held out as test, and there are 9: give 10 lines or mor"):
        text(tmp_path / "a.txt").source.split("test")


def test_text_is_put_in_lower_case_if_asked_and_accents_are_characters(tmp_path):
    composed, one = "E\u0301", "\u00c9"  # É as a letter with an accent, and as one character
    (tmp_path / "a.txt").write_text(f"{composed}T{one}\n", encoding="utf-8")
    assert text(tmp_path / "a.txt", lower=True).words == {"été"}


def test_bad_input_gets_one_clear_line(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.txt: no such file; name a text file of your own"):
        text(tmp_path / "none.txt")
    (tmp_path / "latin.txt").write_bytes("é".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.txt isn't text in UTF-8 .* by iconv -f CODING -t utf-8"):
        text(tmp_path / "latin.txt")
    (tmp_path / "binary.txt").write_bytes(b"abc\nd\0ef\n")
    with pytest.raises(ValueError, match=r"binary\.txt isn't text: line 2 holds a zero byte; if it's UTF-16, convert"):
        text(tmp_path / "binary.txt")
    (tmp_path / "half.txt").write_bytes("ab".encode("utf-16")[:-1])
    with pytest.raises(ValueError, match=r"half\.txt isn't text in UTF-16 .* by iconv -f CODING -t utf-8"):
        text(tmp_path / "half.txt")
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(ValueError, match=r"empty\.txt train: it holds no words"):
        text(tmp_path / "empty.txt")
    (tmp_path / "a.txt").write_text("a few words\n")
    with pytest.raises(
        ValueError, match=r"a\.txt train: 1 windows of 32 characters are more than 31 bytes: take a part"
    ):
        text(tmp_path / "a.txt", limit=31)
    with pytest.raises(ValueError, match="lines of 0 characters: length must be 1 or more"):
        text(tmp_path / "a.txt", length=0)
    with pytest.raises(ValueError, match="an alphabet of 0 characters beside the space: give one of 1 to 255"):
        text(tmp_path / "a.txt", alphabet="")


def test_lines_that_are_held_out_are_told(tmp_path):
    (tmp_path / "names.txt").write_text("\n".join(f"name {number}" for number in range(25)))
    assert text(tmp_path / "names.txt").source.found.used == "23 windows of 23 lines, 2 more lines held out as test"
