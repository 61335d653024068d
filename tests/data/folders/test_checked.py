"""What was found of a folder is remembered as long as nothing in it changes."""

import os

import pytest

import gan_jax
from gan_jax.data.folders import checked
from gan_jax.data.folders.checked import check_each
from gan_jax.data.found import Skipped, Unusable
from gan_jax.storage import files as json_files


@pytest.fixture
def files(tmp_path):
    """Of 4 bytes, 0 bytes, 4 bytes with a name that isn't UTF-8."""
    root = tmp_path / "data"
    root.mkdir()
    paths = [root / "a", root / "b", root / os.fsdecode(b"c\xe9")]
    for path, content in zip(paths, ("four", "", "more")):
        path.write_text(content)
    return paths


@pytest.fixture
def find_out(files):
    """Checks the files, and has in `.seen` which were opened."""

    def check(path):
        find_out.seen.append(path.name)
        if not path.read_bytes():
            raise Unusable("is empty")
        return len(path.read_bytes())

    def find_out(by="1"):
        find_out.seen = []
        return check_each(files[0].parent, files, check, by)

    return find_out


def test_unchanged_folder_is_not_read_again(cache, find_out, files):
    first = find_out()
    assert first == ([files[0], files[2]], [4, 4], [Skipped("b", "is empty")])
    assert len(find_out.seen) == 3
    assert find_out() == first
    assert find_out.seen == []


def test_change_of_a_file_or_of_what_reads_it_is_noticed(cache, find_out, files):
    find_out()
    files[1].write_text("mend")
    assert find_out() == (files, [4, 4, 4], [])
    os.utime(files[1], (1, 1))  # as long as before
    find_out()
    assert len(find_out.seen) == 3
    files[1].write_text("longer")
    os.utime(files[1], (1, 1))  # as old as before
    assert find_out()[1] == [4, 6, 4]
    find_out("2")
    assert len(find_out.seen) == 3


def test_other_version_of_gan_jax_judges_the_files_itself(cache, find_out, monkeypatch):
    find_out()
    monkeypatch.setattr(gan_jax, "__version__", "0.0")
    find_out()
    assert len(find_out.seen) == 3


def test_memory_may_be_larger_than_other_json(cache, files):
    seen = []

    def check(path):
        seen.append(path)
        return "x" * json_files.LARGEST

    first = check_each(files[0].parent, files[:1], check, "1")
    assert check_each(files[0].parent, files[:1], check, "1") == first
    assert len(seen) == 1


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"state": 1}', "null", "[" * 10_000])
def test_broken_cache_is_made_anew(cache, find_out, text):
    first = find_out()
    (kept,) = cache.iterdir()
    kept.write_text(text)
    assert find_out() == first
    assert len(find_out.seen) == 3
    find_out()
    assert find_out.seen == []


@pytest.mark.parametrize("skipped", ["[[9, 'x']]", "[[0]]", "[[0, 'x'], [1, 'x'], [2, 'x']]"])
def test_cache_that_does_not_fit_the_files_is_made_anew(cache, find_out, skipped):
    first = find_out()
    (kept,) = cache.iterdir()
    kept.write_text(kept.read_text().replace('[[1,"is empty"]]', skipped.replace("'", '"')))
    assert find_out() == first


def test_cache_that_can_not_be_written_is_no_error(cache, find_out):
    cache.parent.write_text("a file, where the folder would be")
    assert find_out()[1] == [4, 4]


def test_failure_of_the_machine_is_not_remembered(cache, files):
    calls = []

    def check(path):
        calls.append(path)
        if len(calls) == 1:
            raise PermissionError(13, "Permission denied")

    _, _, skipped = check_each(files[0].parent, files[:1], check, "1")
    assert skipped == [Skipped("a", "permission denied")]
    assert check_each(files[0].parent, files[:1], check, "1") == ([files[0]], [None], [])


def test_file_that_is_gone_is_skipped(cache, files, tmp_path):
    files[0].unlink()
    _, _, skipped = check_each(files[0].parent, files[:1], lambda path: path.stat() and None, "1")
    assert skipped == [Skipped("a", "no such file or directory")]


def test_cache_holds_one_file_for_a_folder(cache, find_out, files):
    find_out()
    files[1].write_text("mend")
    find_out()
    assert len(list(cache.iterdir())) == 1
    assert checked.remembered_in(files[0].parent, "1") == next(cache.iterdir())
