"""Which photos are answered for, and answers as a table, JSON or CSV."""

import csv
import io
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from inarch.bundle.predictor import ClassProbability, Prediction
from inarch.commands.predict.listing import WRITERS, keep_shown, photos_in
from inarch.commands.predict.records import Predictions
from inarch.errors import PhotosError
from inarch.storage.serialisation import to_printed_json


def ranked(**probabilities: float) -> tuple[ClassProbability, ...]:
    return tuple(ClassProbability(*each) for each in probabilities.items())


ANSWERS = (
    Prediction("a, b.jpg", ranked(cat=0.75, dog=0.25)),
    Prediction("broken.jpg", (), "It is damaged."),
    Prediction("c.png", ranked(dog=0.6, cat=0.4)),
)


def photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (9, 9)).save(path, format="PNG")
    return path


UNSURE = (
    Prediction("a.jpg", ranked(cat=0.51, dog=0.49), abstention="low confidence (cat or dog)"),
    Prediction("b.jpg", ranked(dog=0.9, cat=0.1), abstention="out-of-distribution (unlike the training set)"),
    Prediction("c.jpg", ranked(dog=0.6, cat=0.3, cow=0.1), likely=2),
)


def shown(form: str, top: int = 3, answers: tuple[Prediction, ...] = ANSWERS) -> tuple[str, list[str]]:
    unread: list[str] = []
    kept = keep_shown(iter(answers), top, unread)
    if form == "json":
        return to_printed_json(Predictions(tuple(kept)), "inarch.predict/1"), unread
    stream = io.StringIO()
    WRITERS[form](kept, stream)
    return stream.getvalue(), unread


def test_a_folder_stands_for_the_photos_in_it(tmp_path: Path) -> None:
    """All of them, sorted, in subfolders too, whatever their suffix; neither hidden files nor other ones."""
    expected = [photo(tmp_path / name) for name in ("a.PNG", "b.jpg", "no_suffix", "z/c.png", "z/deep/d.png")]
    for name in (".hidden.png", ".thumbnails/e.png"):
        photo(tmp_path / name)
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "damaged.jpg").write_text("meant as a photo")
    assert photos_in([tmp_path]) == sorted(
        [*expected, tmp_path / "damaged.jpg"], key=lambda path: (len(path.parts), path)
    )


def test_files_and_folders_come_in_the_order_in_which_they_are_named(tmp_path: Path) -> None:
    """A file that is named is taken as it is, hidden or not, and as often as it is named."""
    inside, beside = photo(tmp_path / "folder" / "a.png"), photo(tmp_path / ".b")
    assert photos_in([beside, tmp_path / "folder", beside]) == [beside, inside, beside]


def test_links_are_followed_and_circles_end(tmp_path: Path) -> None:
    """As in training: a linked folder counts, and none is entered twice."""
    photo(tmp_path / "real" / "a.png")
    os.symlink(tmp_path / "real", tmp_path / "real" / "round")
    (tmp_path / "links").mkdir()
    os.symlink(tmp_path / "real", tmp_path / "links" / "to")
    assert photos_in([tmp_path / "links"]) == [tmp_path / "links" / "to" / "a.png"]


@pytest.mark.skipif(os.name != "posix", reason="pipes in folders are of POSIX")
@pytest.mark.timeout(10)
def test_a_pipe_in_a_folder_is_passed_over(tmp_path: Path) -> None:
    """Opening it would wait for ever."""
    photo(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe")
    assert photos_in([tmp_path]) == [tmp_path / "a.png"]


@pytest.mark.parametrize(("name", "said"), [("empty", "holds no photos"), ("nowhere", "no photo at .*nowhere")])
def test_what_holds_no_photos_is_refused_by_name(name: str, said: str, tmp_path: Path) -> None:
    """A folder without photos, and a path that does not exist."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(PhotosError, match=said):
        photos_in([tmp_path / name])


def test_text_has_a_line_for_each_photo() -> None:
    """The best classes, or the reason why there are none."""
    text, unread = shown("text", top=1)
    assert text.splitlines() == ["a, b.jpg: cat 75.0%", "broken.jpg: not read: It is damaged.", "c.png: dog 60.0%"]
    assert unread == ["broken.jpg"]


def test_text_cannot_command_a_terminal() -> None:
    """File names and class names may hold escape sequences and line breaks."""
    text, _ = shown("text", answers=(Prediction("a\x1b[2J\nb", (ClassProbability("\x1b]0;x\x07", 1.0),)),))
    assert text.count("\n") == 1
    assert not {"\x1b", "\x07"} & set(text)


def test_json_says_everything() -> None:
    """The photos in order, with probabilities or the problem."""
    text, unread = shown("json")
    rows = json.loads(text)["predictions"]
    assert [row["name"] for row in rows] == [each.name for each in ANSWERS]
    assert rows[0]["ranking"][0] == {"label": "cat", "probability": 0.75}
    assert [row["answer"] for row in rows] == ["cat", "", "dog"]
    assert (rows[1]["ranking"], rows[1]["problem"]) == ([], "It is damaged.")
    assert unread == ["broken.jpg"]
    assert json.loads(shown("json", answers=())[0])["predictions"] == []


def test_csv_has_a_row_for_each_class_shown() -> None:
    """Names with commas are quoted; an unreadable photo has one row, with the problem."""
    text, unread = shown("csv", top=1)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["photo"], row["rank"], row["class"]) for row in rows] == [
        ("a, b.jpg", "1", "cat"),
        ("broken.jpg", "", ""),
        ("c.png", "1", "dog"),
    ]
    assert (rows[1]["problem"], unread) == ("It is damaged.", ["broken.jpg"])


def test_an_abstention_names_its_reason() -> None:
    """In every form; the classes are shown all the same, but are no answer."""
    lines = shown("text", 1, UNSURE)[0].splitlines()
    assert lines[0] == "a.jpg: abstains, low confidence (cat or dog): cat 51.0%"
    assert lines[1] == "b.jpg: abstains, out-of-distribution (unlike the training set): dog 90.0%"
    rows = json.loads(shown("json", 1, UNSURE)[0])["predictions"]
    assert [row["answer"] for row in rows] == ["", "", "dog"]
    assert [row["abstention"][:6] for row in rows] == ["low co", "out-of", ""]
    table = list(csv.DictReader(io.StringIO(shown("csv", 1, UNSURE)[0])))
    assert [row["abstention"][:6] for row in table if row["rank"] == "1"] == ["low co", "out-of", ""]
    assert [row["class"] for row in table if row["rank"] == "1"] == ["cat", "dog", "dog"]


@pytest.mark.parametrize("top", [1, 3])
def test_a_set_is_shown_whole_and_alone(top: int) -> None:
    """Whatever ``--top`` says."""
    assert shown("text", top, UNSURE[2:])[0] == "c.jpg: dog 60.0%   cat 30.0%\n"


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_more_classes_than_there_are_is_all_of_them(form: str) -> None:
    """``--top 99`` of two classes is two."""
    assert shown(form, top=99) == shown(form, top=2)
