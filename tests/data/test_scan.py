"""What counts as a photo, what as a class, and what the user is told when it does not add up."""

import hashlib
import os
import random

import pytest

from inarch.data import folders
from inarch.data.manifest import to_manifest
from inarch.data.scan import scan, scan_unlabelled
from inarch.errors import PhotosError


def build(root, write_photo, *paths):
    for path in paths:
        write_photo(root / path)
    return root


def listed(photos):
    return [(photo.path, photos.classes[photo.label], photo.split) for photo in photos.photos]


def reasons(photos):
    return {file.path: file.reason for file in photos.skipped}


def test_class_folders_with_nested_files(tmp_path, write_photo):
    """Classes come in the order of sorted(), files count at any depth, digests are those of the bytes."""
    build(tmp_path, write_photo, "b/1.png", "a/x/y/2.png", "10/3.png", "2/4.png", "B/5.png")
    photos = scan(tmp_path)
    assert photos.classes == ("10", "2", "B", "a", "b")
    assert set(listed(photos)) == {
        ("b/1.png", "b", ""),
        ("a/x/y/2.png", "a", ""),
        ("10/3.png", "10", ""),
        ("2/4.png", "2", ""),
        ("B/5.png", "B", ""),
    }
    for photo in photos.photos:
        assert photo.digest == hashlib.sha256((tmp_path / photo.path).read_bytes()).hexdigest()
    assert photos.root == str(tmp_path)


def test_the_order_of_the_directory_does_not_matter(tmp_path, write_photo, monkeypatch):
    """Two machines that list a folder differently get one result."""
    build(tmp_path, write_photo, *(f"{name}/{number}.png" for name in "abc" for number in range(5)))
    expected = scan(str(tmp_path))
    plain = os.listdir
    monkeypatch.setattr(
        folders.os, "listdir", lambda folder: random.Random(1).sample(plain(folder), len(plain(folder)))
    )
    assert scan(tmp_path) == expected


def test_hidden_files_are_passed_over_and_others_get_a_reason(tmp_path, write_photo):
    """Nothing hidden becomes a class or a photo; nothing visible disappears without a word."""
    build(tmp_path, write_photo, "a/1.png", "b/2.png", ".cache/3.png", "__MACOSX/4.png", "a/.5.png", "a/.x/6.png")
    (tmp_path / "a" / "notes.txt").write_text("all ants")
    (tmp_path / "a" / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0" * 99)
    (tmp_path / "README.md").write_text("about")
    (tmp_path / "a" / "broken_link.png").symlink_to(tmp_path / "gone.png")
    photos = scan(tmp_path)
    assert photos.classes == ("a", "b")
    assert [photo.path for photo in photos.photos] == ["a/1.png", "b/2.png"]
    found = reasons(photos)
    assert set(found) == {"a/notes.txt", "README.md", "a/broken_link.png"}
    assert "not an image" in found["a/notes.txt"]
    assert "outside the class folders" in found["README.md"]
    assert "broken link" in found["a/broken_link.png"]


def test_content_decides_where_the_name_says_nothing(tmp_path, write_photo):
    """A photo without an extension is a photo; a name that promises one is left to the decoder."""
    build(tmp_path, write_photo, "a/no_extension", "a/photo.dat", "b/2.png")
    (tmp_path / "b" / "broken.jpg").write_bytes(b"not a jpeg")
    photos = scan(tmp_path)
    assert {photo.path for photo in photos.photos} == {"a/no_extension", "a/photo.dat", "b/2.png", "b/broken.jpg"}


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_split_folders(tmp_path, write_photo, val):
    """One class list, from train; the splits carry our names."""
    build(tmp_path, write_photo, "train/a/1.png", "train/b/2.png", f"{val}/a/3.png", f"{val}/b/4.png")
    build(tmp_path, write_photo, "test/b/deep/5.png", "test/a/6.png")
    (tmp_path / "labels.txt").write_text("a b")
    photos = scan(tmp_path)
    assert photos.classes == ("a", "b")
    assert set(listed(photos)) == {
        ("train/a/1.png", "a", "train"),
        ("train/b/2.png", "b", "train"),
        (f"{val}/a/3.png", "a", "val"),
        (f"{val}/b/4.png", "b", "val"),
        ("test/b/deep/5.png", "b", "test"),
        ("test/a/6.png", "a", "test"),
    }
    assert "outside the split folders" in reasons(photos)["labels.txt"]


def test_train_may_be_a_class(tmp_path, write_photo):
    """Beside a bus and a car, a train is a train."""
    photos = scan(build(tmp_path, write_photo, "train/1.png", "bus/2.png", "car/3.png"))
    assert photos.classes == ("bus", "car", "train")
    assert {photo.split for photo in photos.photos} == {""}


MISTAKES = {
    "extra class": (
        ("train/a/1", "train/b/2", "val/a/3", "val/b/4", "val/c/5"),
        r"val has class 'c', which train lacks",
    ),
    "two vals": (("train/a/1", "train/b/2", "val/a/3", "valid/a/4"), r"val and valid, which mean the same split"),
    "mixed": (("train/a/1", "val/a/2", "cats/3"), r"split folders \(train, val\) and also 'cats'"),
    "one class": (("a/1", "a/2"), r"only one class, 'a'; a classifier needs at least two\.$"),
    "too high up": (("set/a/1", "set/b/2"), r"only one class, 'set'.* Did you mean .*set\?$"),
    "loose": (("1.png", "2.png"), r"holds photos but no class folders: put them into one folder for each class"),
    "no train": (("val/a/1", "test/a/2"), r"has test and val but no train split: add it"),
    "loose splits": (("train/1", "test/2"), r"no class folders"),
    "nothing": ((), r"holds no photos"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_arrangement_is_one_sentence(tmp_path, write_photo, mistake):
    """It says what is there and what to do."""
    paths, sentence = MISTAKES[mistake]
    build(tmp_path, write_photo, *paths)
    with pytest.raises(PhotosError, match=sentence) as caught:
        scan(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_models_own_classes_decide_the_labels(tmp_path, write_photo):
    """However few of them the folder holds: 'b' stays the model's class 2, not the folder's class 0."""
    photos = scan(build(tmp_path, write_photo, "b/1.png"), ["c", "a", "b"])
    assert photos.classes == ("c", "a", "b")
    assert [photo.label for photo in photos.photos] == [2]
    build(tmp_path / "tests", write_photo, "test/b/1.png")
    assert [photo.split for photo in scan(tmp_path / "tests", ("a", "b")).photos] == ["test"]
    with pytest.raises(PhotosError, match="has class 'b', which the model does not have; it has 'a', 'c'"):
        scan(tmp_path / "tests", ("a", "c"))
    (tmp_path / "none" / "b").mkdir(parents=True)
    with pytest.raises(PhotosError, match="holds no photos"):
        scan(tmp_path / "none", ("a", "b"))


def test_an_empty_class_folder_is_named(tmp_path, write_photo):
    """A class without photos would never be learnt."""
    build(tmp_path, write_photo, "a/1.png", "b/2.png")
    (tmp_path / "wasp").mkdir()
    (tmp_path / "wasp" / "notes.txt").write_text("none yet")
    with pytest.raises(PhotosError, match="class 'wasp' has no training photo: add some, or remove it"):
        scan(tmp_path)


def test_an_empty_split_folder_is_named(tmp_path, write_photo):
    """An empty test folder does not mean that there is no test."""
    build(tmp_path, write_photo, "train/a/1.png", "train/b/2.png")
    (tmp_path / "test").mkdir()
    with pytest.raises(PhotosError, match="test holds no photo of a class: add some, or remove it"):
        scan(tmp_path)


def test_what_is_neither_folder_nor_manifest(tmp_path, write_photo):
    """The three arrangements are named."""
    with pytest.raises(PhotosError, match=r"There is nothing at .*folder of class folders.*CSV manifest"):
        scan(tmp_path / "none")
    with pytest.raises(PhotosError, match=r"neither a folder nor a \.csv file"):
        scan(write_photo(tmp_path / "a.png"))


def test_links_are_followed_but_never_in_circles(tmp_path, write_photo):
    """A link to a folder counts, a link upwards ends there, and a file is never counted twice in one class."""
    photos = build(tmp_path / "photos", write_photo, "a/1.png", "b/2.png")
    build(tmp_path / "elsewhere", write_photo, "3.png")
    (photos / "a" / "more").symlink_to(tmp_path / "elsewhere")
    (photos / "a" / "loop").symlink_to(photos / "a")
    (photos / "b" / "up").symlink_to(photos)
    (photos / "b" / "self").symlink_to(photos / "b" / "self")
    result = scan(photos)
    assert [photo.path for photo in result.photos] == ["a/1.png", "a/more/3.png", "b/2.png"]
    assert set(reasons(result)) == {"a/loop", "b/up", "b/self"}


def test_a_folder_that_may_not_be_opened_is_skipped(tmp_path, write_photo, monkeypatch):
    """The rest is still read."""
    build(tmp_path, write_photo, "a/1.png", "b/2.png", "b/secret/3.png")
    plain = os.listdir

    def listdir(folder):
        if folder.name == "secret":
            raise PermissionError(13, "Permission denied")
        return plain(folder)

    monkeypatch.setattr(folders.os, "listdir", listdir)
    assert reasons(scan(tmp_path)) == {"b/secret": "The folder cannot be opened (Permission denied)."}


@pytest.mark.skipif(os.name != "posix", reason="pipes and names that are no text are of POSIX")
def test_pipes_and_names_that_are_no_text_are_skipped(tmp_path, write_photo):
    """A pipe is never opened (it would wait for ever), and every name that is kept can be printed."""
    build(tmp_path, write_photo, "a/1.png", "b/2.png", "b/two\nlines.png")
    os.mkfifo(tmp_path / "a" / "pipe.jpg")
    with open(os.fsencode(tmp_path) + b"/b/\xff.png", "wb") as stream:
        stream.write(b"")
    photos = scan(tmp_path)
    assert len(photos.photos) == 2
    assert len(photos.skipped) == 3
    for file in photos.skipped:
        assert "\n" not in file.path
        file.path.encode()


def manifest(folder, text, encoding="utf-8"):
    path = folder / "photos.csv"
    path.write_text(text, encoding=encoding)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("column", ["path", "file_name"])
def test_a_manifest(tmp_path, write_photo, column, encoding):
    """Paths are relative to it; a byte order mark, spaces, quotes and further columns do not matter."""
    build(tmp_path, write_photo, "x/1.png", "x/2, two.png", "3", "x/.4.png")
    text = f'{column}, label ,group,split,note\nx/1.png,Käfer,g1,train,\n"x/2, two.png", Biene,g2,train,hm\n\n'
    text += "3,Biene,g3,valid,\nx/.4.png,Käfer,,validation"
    photos = scan(manifest(tmp_path, text, encoding))
    assert photos.classes == ("Biene", "Käfer")
    assert set(listed(photos)) == {
        ("x/1.png", "Käfer", "train"),
        ("x/2, two.png", "Biene", "train"),
        ("3", "Biene", "val"),
        ("x/.4.png", "Käfer", "val"),
    }
    assert [photo.group for photo in photos.photos] == ["g1", "g2", "g3", ""]
    assert photos.root == str(tmp_path)


def test_a_manifest_on_another_drive_names_photos_from_the_root(tmp_path, write_photo, monkeypatch):
    """On Windows no way leads from one drive to another, and ``os.path.relpath`` says so."""

    def no_way(path, start):
        raise ValueError(f"path is on mount 'D:', start on mount 'C:': {path}, {start}")

    build(tmp_path / "photos", write_photo, "a/1.png", "b/2.png")
    photos = scan(tmp_path / "photos")
    assert to_manifest(photos, tmp_path).splitlines()[1:] == ["photos/a/1.png,a,,", "photos/b/2.png,b,,"]
    monkeypatch.setattr(os.path, "relpath", no_way)
    again = scan(manifest(tmp_path, to_manifest(photos, tmp_path)))
    assert [photo.path for photo in again.photos] == [(tmp_path / "photos" / p.path).as_posix() for p in photos.photos]
    assert [photo.digest for photo in again.photos] == [photo.digest for photo in photos.photos]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("path,kind\n1.png,a", r"line 1: the columns path \(or file_name\) and label are needed.*found: path, kind"),
        ("path:label\n1.png:a", r"line 1: .*found: path:label"),
        ("", r"line 1: .*found: nothing"),
        ("path,label\n", r"lists no photos"),
        ("path,label\n9.png,b", r"Line 2: there is no file '9\.png'"),
        ("path,label\n1.png,a\n9.png,b", r"only one class.* 1 of 2 files are not there.*: line 3"),
        ("path,label\n1.png,a\n2.png,", r"line 3: '2\.png' has no label"),
        ("path,label\n1.png,a\n,b", r"line 3: there is no path"),
        ("path,label\n1.png,a\n1.png,b", r"line 3: '1\.png' has two labels, 'a' in line 2 and 'b'"),
        ("path,label,group\n1.png,a,x\n1.png,a,y", r"line 3: '1\.png' is listed already, in line 2, with another"),
        ("path,label,split\n1.png,a,tset", r"line 2: there is no split 'tset'; the splits are train, val and test"),
        ("path,label,split\n1.png,a,train\n2.png,b,", r"line 3: either every line names a split, or none does"),
        ("path,label,split\n1.png,a,test\n2.png,b,test", r"has test but no train split"),
        ("path,label,split\n1.png,a,train\n2.png,b,train\n3.png,c,test", r"test has class 'c', which train lacks"),
        ("path,label\n1.png,a\n2.png,a", r"only one class, 'a'"),
    ],
)
def test_a_mistake_in_a_manifest_is_one_sentence_with_its_line(tmp_path, write_photo, text, sentence):
    """Line numbers are those of the file."""
    build(tmp_path, write_photo, "1.png", "2.png", "3.png")
    with pytest.raises(PhotosError, match=sentence) as caught:
        scan(manifest(tmp_path, text))
    assert "photos.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_manifest_that_is_no_text(tmp_path):
    """A spreadsheet renamed to .csv is not one."""
    (tmp_path / "photos.csv").write_bytes(b"PK\x03\x04\xff\xfe\x00")
    with pytest.raises(PhotosError, match="is not a CSV file in UTF-8"):
        scan(tmp_path / "photos.csv")


def test_without_labels_the_names_of_folders_mean_nothing(tmp_path, write_photo):
    """Photos anywhere below are found; hidden files are passed over, others get a reason."""
    for name in ("a.png", "train/cat/b.png", "deep/er/c.png", ".hidden.png"):
        write_photo(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no photo")
    found = scan_unlabelled(tmp_path)
    assert sorted(photo.path for photo in found.photos) == ["a.png", "deep/er/c.png", "train/cat/b.png"]
    assert {(photo.label, photo.split) for photo in found.photos} == {(0, "")}
    assert [file.path for file in found.skipped] == ["notes.txt"]


def test_unlabelled_photos_need_a_folder_with_photos(tmp_path, write_photo):
    """One sentence each."""
    with pytest.raises(PhotosError, match="holds no photos"):
        scan_unlabelled(tmp_path)
    with pytest.raises(PhotosError, match="cannot be opened"):
        scan_unlabelled(tmp_path / "nowhere")
    with pytest.raises(PhotosError, match="must be a folder"):
        scan_unlabelled(write_photo(tmp_path / "a.png"))


def test_a_split_that_lacks_a_class_is_measured_on_what_it_has(tmp_path, write_photo):
    """Official splits of real sets do; a note says so."""
    for name in ("train/a/1", "train/a/2", "train/b/3", "train/b/4", "test/a/5", "val/b/6"):
        write_photo(tmp_path / f"{name}.png")
    found = scan(tmp_path)
    assert found.classes == ("a", "b")
    assert [note for note in found.notes if "cannot be measured" in note] == [
        f"The {split} photos show none of class {name!r}: its figures cannot be measured, and all others hold for the "
        "classes that are there."
        for split, name in (("test", "b"), ("val", "a"))
    ]
