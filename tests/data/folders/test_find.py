"""Whatever a folder holds and isn't used is reported."""

import os

import pytest

from gan_jax.data.folders.find import check_in_folders, check_some, classes_of, find, read_each
from gan_jax.data.found import Skipped, Unusable


def make(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def names(listing):
    return [str(file.relative_to(listing.root)) for file in listing.files]


def test_files_of_a_kind_are_found_in_order_and_others_counted_by_ending(tmp_path):
    make(tmp_path, "b/2.PNG", "a/1.png", "notes.txt", "c/x.TXT", "README")
    listing = find(tmp_path, {".png"}, "images")
    assert names(listing) == ["a/1.png", "b/2.PNG"]
    assert listing.ignored == {".txt": 2, "": 1}


def test_hidden_files_and_folders_are_passed_over(tmp_path):
    make(tmp_path, "1.png", "._1.png", ".thumbnails/1.png", "a/.ipynb_checkpoints/1.png", "__MACOSX/1.png", ".DS_Store")
    listing = find(tmp_path, {".png"}, "images")
    assert names(listing) == ["1.png"]
    assert not listing.ignored


def test_links_are_followed_and_loops_end(tmp_path):
    make(tmp_path, "elsewhere/1.png", "here/2.png")
    (tmp_path / "here" / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "here" / "file.png").symlink_to(tmp_path / "elsewhere" / "1.png")
    (tmp_path / "here" / "loop").symlink_to(tmp_path / "here")
    (tmp_path / "here" / "nowhere.png").symlink_to(tmp_path / "gone.png")
    listing = find(tmp_path / "here", {".png"}, "images")
    assert names(listing) == ["2.png", "file.png", "link/1.png"]
    assert set(listing.skipped) == {
        ("nowhere.png", "leads nowhere"),
        ("loop", "leads to a folder that is read already"),
    }


def test_folder_below_the_root_is_read_in_its_own_place_whatever_links_to_it(tmp_path):
    make(tmp_path, "a/1.png", "b/2.png", "c/deep/3.png")
    (tmp_path / "a" / "sub").symlink_to(tmp_path / "b")
    (tmp_path / "0").symlink_to(tmp_path / "c" / "deep")
    listing = find(tmp_path, {".png"}, "images")
    assert names(listing) == ["a/1.png", "b/2.png", "c/deep/3.png"]
    assert [what for what, _ in listing.skipped] == ["0", "a/sub"]


def test_folder_outside_is_read_at_the_highest_link_to_it(tmp_path):
    make(tmp_path, "elsewhere/1.png", "here/a/2.png")
    (tmp_path / "here" / "a" / "sub").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "here" / "b").symlink_to(tmp_path / "elsewhere")
    assert names(find(tmp_path / "here", {".png"}, "images")) == ["a/2.png", "b/1.png"]


def test_what_lies_beside_the_root_is_not_read_through_a_link_to_what_is_above(tmp_path):
    make(tmp_path, "beside/1.png", "here/2.png")
    (tmp_path / "here" / "up").symlink_to(tmp_path)
    (tmp_path / "here" / "out").symlink_to(tmp_path / "beside")
    (tmp_path / "beside" / "up").symlink_to(tmp_path.parent)
    listing = find(tmp_path / "here", {".png"}, "images")
    assert names(listing) == ["2.png", "out/1.png"]
    assert listing.skipped == (("out/up", "leads above the folder"), ("up", "leads above the folder"))


def test_folder_that_can_not_be_opened_is_skipped_with_its_reason(tmp_path, monkeypatch):
    make(tmp_path, "1.png", "locked/2.png")
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    listing = find(tmp_path, {".png"}, "images")
    assert names(listing) == ["1.png"]
    assert listing.skipped == (("locked", "permission denied"),)


def test_file_without_an_ending_is_of_the_kind_if_what_it_holds_is(tmp_path):
    make(tmp_path, "README", "notes.txt", "1.png")
    (tmp_path / "00017").write_bytes(b"pixels")
    listing = find(tmp_path, {".png"}, "images", lambda file: file.read_bytes() == b"pixels")
    assert names(listing) == ["00017", "1.png"]
    assert listing.ignored == {"": 1, ".txt": 1}


def test_hidden_root_is_a_folder_like_any_other(tmp_path):
    make(tmp_path, ".data/1.png")
    assert names(find(tmp_path / ".data", {".png"}, "images")) == ["1.png"]


def test_folder_without_files_of_the_kind_is_refused_with_what_it_holds(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere isn't a folder: name the folder that holds your images"):
        find(tmp_path / "nowhere", {".png"}, "images")
    make(tmp_path, "a.heic", "b.heic")
    with pytest.raises(ValueError, match=r"no images, only 2 other files \(2 \.heic\): put \.png files"):
        find(tmp_path, {".png"}, "images")


def test_folders_without_examples_are_named_as_far_as_a_line_goes(tmp_path, caplog):
    make(tmp_path, "a/1.png", *(f"c{number}/x.txt" for number in range(7)))
    listing = find(tmp_path, {".png"}, "images")
    classes_of(listing, listing.files, "images")
    assert caplog.messages[0].endswith(": c0, c1, c2, c3, c4 and 2 others")


def test_each_is_read_or_skipped_with_its_reason():
    def read(number):
        if number == 2:
            raise Unusable("too short")
        if number == 3:
            raise OSError("image file is\n truncated")
        return 10 * number

    used, values, skipped = read_each([1, 2, 3, 4], read, str)
    assert (used, values) == ([1, 4], [10, 40])
    assert skipped == [Skipped("2", "too short"), Skipped("3", "OSError: image file is truncated")]


def test_missing_package_is_no_fault_of_a_file():
    def read(number):
        raise ModuleNotFoundError("No module named 'av'")

    with pytest.raises(ModuleNotFoundError):
        read_each([1], read, str)


def test_reasons_are_of_the_machine_or_the_file_in_one_line():
    def read(error):
        raise error

    errors = [PermissionError(13, "Permission denied", "x"), KeyError(), OSError("a\n b\udce9")]
    _, _, skipped = read_each(errors, read, lambda error: "x")
    assert [why for _, why in skipped] == ["permission denied", "KeyError", "OSError: a b\\xe9"]


def test_nothing_that_can_be_used_is_an_error_with_reasons(tmp_path):
    make(tmp_path, "1.png")
    listing = find(tmp_path, {".png"}, "images")
    check_some(listing, listing.files, [], "images")
    with pytest.raises(ValueError, match=r"holds no images that can be used: 1 skipped \(1.png: is empty\)$"):
        check_some(listing, [], [Skipped("1.png", "is empty")], "images")


def test_classes_are_the_folders_that_hold_what_is_used(tmp_path, caplog):
    make(tmp_path, "d/1.png", "b/1.png", "a/sub/2.png", "a/1.png", "c/notes.txt", ".thumbnails/1.png")
    listing = find(tmp_path, {".png"}, "images")
    used = [file for file in listing.files if file.parent.name != "b"]
    assert classes_of(listing, used, "images") == (["a", "d"], [0, 0, 1])
    (record,) = caplog.records
    assert record.getMessage().endswith("no classes, since they hold no images that can be used: b, c")
    caplog.clear()
    assert classes_of(listing, listing.files, "images") == (["a", "b", "d"], [0, 0, 1, 2])
    assert "used: c" in caplog.text


def test_single_class_is_warned_of(tmp_path, caplog):
    make(tmp_path, "photos/cat/1.png", "photos/dog/2.png")
    listing = find(tmp_path, {".png"}, "images")
    assert classes_of(listing, listing.files, "images") == (["photos"], [0, 0])
    assert f"all images are of one class, photos: if the classes are the folders in {tmp_path}/photos" in caplog.text


def test_file_in_no_folder_has_no_class(tmp_path):
    make(tmp_path, "a/1.png", "2.png")
    with pytest.raises(ValueError, match=r"^2.png lies in .* itself, so it has no label: move it to a folder, or go"):
        check_in_folders(find(tmp_path, {".png"}, "images"))
