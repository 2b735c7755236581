"""Layouts of photos drawn at random, against the splits and labels that they should give."""

import itertools
import tempfile
from collections import Counter
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inarch.data import scan as scanning
from inarch.data.arrangement import Arrangement
from inarch.data.photos import PhotoSet
from inarch.data.scan import scan, survey
from inarch.data.split import evaluation_photos
from inarch.data.split_names import split_named
from inarch.errors import PhotosError, UserError

NAMES = {
    "train": ("train", "Training", "TRAIN", "seg_train", "train_set", "Train Set", "trainset", "training-data", "trn"),
    "val": ("val", "Valid", "VALIDATION", "dev", "seg_val", "dev_set", "ValSet", "validation images"),
    "test": ("test", "Testing", "Test", "test1", "seg_test", "hold-out", "holdout", "eval", "Evaluation", "TestData"),
}
"""Names that people give to splits, from public data sets."""
CLASSES = st.lists(st.sampled_from(("ants", "bees", "Café", "0", "x y", "bus", "car")), min_size=2, unique=True)


def write(root: Path, *paths: str) -> Path:
    """Files that are photos by their names, each with its own content."""
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())
    return root


def triples(photos: PhotoSet) -> Counter[tuple[str, str, str]]:
    """Split, label and name of every photo."""
    return Counter((photo.split, photos.classes[photo.label], Path(photo.path).name) for photo in photos.photos)


@pytest.mark.parametrize(("split", "name"), [(split, name) for split, names in NAMES.items() for name in names])
def test_usual_names_are_understood(split: str, name: str) -> None:
    """Capitals, spaces, underscores, numbers and words such as ``set`` do not matter."""
    assert {"evaluation": "test"}.get(split_named(name) or "", split_named(name)) == split


@pytest.mark.parametrize("name", ["bus", "trains", "train_station", "test tube", "contest", "latest", "train_test", ""])
def test_names_of_things_are_no_splits(name: str) -> None:
    """A word in the name is not enough."""
    assert split_named(name) is None


@settings(max_examples=25)
@given(
    classes=CLASSES,
    names=st.fixed_dictionaries({split: st.sampled_from(names) for split, names in NAMES.items()}),
    used=st.sampled_from((("train", "test"), ("train", "val"), ("train", "val", "test"))),
    order=st.sampled_from(("split/class", "class/split", "split/split/class", "split/class/more")),
)
def test_every_layout_gives_its_labels(
    classes: list[str], names: dict[str, str], used: tuple[str, ...], order: str
) -> None:
    """Splits above or below the classes, under any usual name, give the same splits and labels."""
    wanted: Counter[tuple[str, str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        for number, (split, label) in enumerate(itertools.product(used, classes)):
            parts = {"split": names[split], "class": label, "more": "more"}
            write(Path(folder), "/".join([*(parts[part] for part in order.split("/")), f"{number}.jpg"]))
            wanted[split, label, f"{number}.jpg"] += 1
        found = scan(folder)
    assert triples(found) == wanted
    assert found.classes == tuple(sorted(classes))


@settings(max_examples=25)
@given(
    classes=CLASSES,
    names=st.lists(
        st.sampled_from(["Alpha", "Beta", "Teil", "Réserve", "old", "new"]), min_size=2, max_size=4, unique=True
    ),
)
def test_folders_that_share_classes_are_no_classes_in_silence(classes: list[str], names: list[str]) -> None:
    """Where names say nothing, equal class folders are refused in one sentence, and each way out works."""
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder), *(f"{name}/{label}/{name}.jpg" for name in names for label in classes))
        if all(label.isdigit() for label in classes):
            return
        with pytest.raises(PhotosError, match=r"hold the same folders .*--depth 1.*--depth 2") as caught:
            scan(root)
        assert "\n" not in str(caught.value)
        assert scan(root, arrangement=Arrangement(depth=1)).classes == tuple(sorted(names))
        assert scan(root, arrangement=Arrangement(depth=2)).classes == tuple(sorted(classes))


REFUSED = {
    "one named, one not": (("train/ants/1", "train/bees/2", "foo/ants/3", "foo/bees/4"), r"'train' and 'foo' hold the"),
    "a third without a name": (
        ("train/ants/1", "train/bees/2", "test/ants/3", "test/bees/4", "more/ants/5", "more/bees/6"),
        r"'test' and 'train' and 'more' hold the same folders",
    ),
    "a class without splits": (("ants/train/1", "ants/test/2", "bees/3"), r"'ants' has the split folders .*'bees' has"),
    "labels in names": (
        ("train/cat.0", "train/dog.1", "test1/3"),
        r"names such as '(cat|dog)\.\d\.jpg'.*--labels-from",
    ),
    "photos and no folders": (("cat.0", "dog.1"), r"no class folders.*--labels-from"),
    "a flat test": (("train/a/1", "train/b/2", "test/3", "test/4"), r"test holds no photo of a class: its 2 files lie"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_may_be_splits_is_refused_in_one_sentence(tmp_path: Path, case: str) -> None:
    """It says what is there, and what to do."""
    paths, sentence = REFUSED[case]
    with (
        patch.object(scanning, "identify"),
        patch("inarch.data.folders.identify"),
        pytest.raises(PhotosError, match=sentence) as caught,
    ):
        scan(write(tmp_path, *(f"{path}.jpg" for path in paths)))
    assert "\n" not in str(caught.value)


def test_photos_without_labels_beside_splits_are_left_out(tmp_path: Path) -> None:
    """As in Intel's scenes, where ``seg_pred`` has neither classes nor labels."""
    paths = [f"seg_{split}/seg_{split}/{label}/{split}.jpg" for split in ("train", "test") for label in "ab"]
    found = scan(write(tmp_path, *paths, "seg_pred/seg_pred/1.jpg"))
    assert triples(found) == Counter((split, label, f"{split}.jpg") for split in ("train", "test") for label in "ab")
    assert [file.path for file in found.skipped] == ["seg_pred/seg_pred/1.jpg"]
    assert "seg_test/seg_test as test" in found.notes[0]


def test_deeper_classes_are_pointed_out(tmp_path: Path) -> None:
    """As in Places365; with the depth, the folders below are the classes, and equal names are one class."""
    root = write(tmp_path, "a/alley/1.jpg", "a/bridge/2.jpg", "b/beach/3.jpg", "b/bridge/4.jpg", "5.jpg")
    assert "4 folders below count as 2 classes" in scan(root).notes[0]
    found = scan(root, arrangement=Arrangement(depth=2))
    assert found.classes == ("alley", "beach", "bridge")
    assert found.notes == ("Folders of one name count as one class, such as a/bridge and b/bridge for 'bridge'.",)
    assert [file.path for file in found.skipped] == ["5.jpg"]


@settings(max_examples=15)
@given(
    st.lists(st.tuples(st.sampled_from(("cat", "dog", "Ämse")), st.integers(0, 9)), min_size=4, unique=True),
    st.sampled_from((("{}.{}.jpg", r"^(\w+)\."), ("{}_{}.jpg", r"^(.+)_\d+"), ("{}{}.jpg", r"^[^\W\d]+"))),
)
def test_labels_from_names(drawn: list[tuple[str, int]], form: tuple[str, str]) -> None:
    """The first group or, without one, the match is the label; a name without a match is skipped."""
    if len({label for label, _ in drawn}) < 2:
        return
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder), "-.jpg", *(form[0].format(*each) for each in drawn))
        found = scan(root, arrangement=Arrangement(labels_from=form[1]))
    assert Counter(found.classes[photo.label] for photo in found.photos) == Counter(label for label, _ in drawn)
    assert [file.path for file in found.skipped] == ["-.jpg"]


def test_a_pattern_with_a_slash_sees_the_path(tmp_path: Path) -> None:
    """Labels may be in a folder of any place."""
    root = write(tmp_path, "train/x-ants/1.jpg", "train/y-bees/2.jpg", "test/x-ants/3.jpg", "test/z-bees/4.jpg")
    found = scan(root, arrangement=Arrangement(labels_from=r"-(\w+)/"))
    assert {(photo.split, found.classes[photo.label]) for photo in found.photos} == set(
        itertools.product(("train", "test"), ("ants", "bees"))
    )


def test_options_that_contradict_each_other_are_refused() -> None:
    """One sentence each."""
    with pytest.raises(UserError, match="choose one of them"):
        Arrangement(depth=2, labels_from="x")
    with pytest.raises(UserError, match="no regular expression"):
        Arrangement(labels_from="(")


@given(
    split=st.sampled_from(("test", "val", "Testing", "eval")),
    kind=st.sampled_from(("empty", "flat", "empty classes", "text files", "hidden")),
)
def test_a_model_is_never_measured_on_training_photos_unasked(split: str, kind: str) -> None:
    """A test or val folder without usable photos is an error, whatever else is in it."""
    with tempfile.TemporaryDirectory() as folder:
        root = write(Path(folder), "train/a/1.jpg", "train/b/2.jpg")
        (root / split / ("a" if kind == "empty classes" else "")).mkdir(parents=True)
        if kind == "flat":
            write(root, f"{split}/3.jpg")
        if kind == "text files":
            write(root, f"{split}/a/notes.txt")
        if kind == "hidden":
            write(root, f"{split}/a/.3.jpg")
        with pytest.raises(PhotosError, match=r"holds no photo of a class"):
            scan(root, ["a", "b"])
        with pytest.raises(PhotosError, match=r"holds no photo of a class|has no photo of class"):
            scan(root)
        assert len(survey(root).photos) == 2


def test_training_photos_alone_measure_nothing(tmp_path: Path) -> None:
    """Their folder has to be named."""
    root = write(tmp_path, "Training/a/1.jpg", "Training/b/2.jpg")
    with pytest.raises(PhotosError, match=r"holds training photos only.*name the folder"):
        evaluation_photos(scan(root, ["a", "b"]))
    assert evaluation_photos(scan(root / "Training", ["a", "b"]))[0] == "all"
