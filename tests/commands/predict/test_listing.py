"""Which photos are answered for, and answers as a table, JSON or CSV."""

import csv
import io
import json
import os
from pathlib import Path

import pytest
from PIL import Image

from inarch.bundle.predictor import Prediction
from inarch.commands.predict.listing import photos_in, writer
from inarch.errors import PhotosError, UnknownNameError

ANSWERS = (
    Prediction("a, b.jpg", (("cat", 0.75), ("dog", 0.25))),
    Prediction("broken.jpg", (), "It is damaged."),
    Prediction("c.png", (("dog", 0.6), ("cat", 0.4))),
)


def photo(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (9, 9)).save(path, format="PNG")
    return path


UNSURE = (
    Prediction("a.jpg", (("cat", 0.51), ("dog", 0.49)), doubt="too close between cat and dog"),
    Prediction("b.jpg", (("dog", 0.9), ("cat", 0.1)), doubt="unlike the photos that it learned from"),
    Prediction("c.jpg", (("dog", 0.6), ("cat", 0.3), ("cow", 0.1)), likely=2),
)


def shown(form: str, top: int = 3, answers: tuple[Prediction, ...] = ANSWERS) -> tuple[str, list[str]]:
    stream = io.StringIO()
    unread = writer(form, top)(iter(answers), stream)
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


def test_a_table_has_a_line_for_each_photo() -> None:
    """The best classes, or the reason why there are none."""
    text, unread = shown("table", top=1)
    assert text.splitlines() == ["a, b.jpg: cat 75.0%", "broken.jpg: not read: It is damaged.", "c.png: dog 60.0%"]
    assert unread == ["broken.jpg"]


def test_a_table_cannot_command_a_terminal() -> None:
    """File names and class names may hold escape sequences and line breaks."""
    text, _ = shown("table", answers=(Prediction("a\x1b[2J\nb", (("\x1b]0;x\x07", 1.0),)),))
    assert text.count("\n") == 1
    assert not {"\x1b", "\x07"} & set(text)


def test_json_says_everything() -> None:
    """The photos in order, with probabilities or the problem."""
    text, unread = shown("json")
    rows = json.loads(text)
    assert [row["photo"] for row in rows] == [each.name for each in ANSWERS]
    assert rows[0]["predictions"][0] == {"class": "cat", "probability": 0.75}
    assert [row["answer"] for row in rows] == ["cat", None, "dog"]
    assert (rows[1]["predictions"], rows[1]["problem"]) == ([], "It is damaged.")
    assert unread == ["broken.jpg"]
    assert json.loads(shown("json", answers=())[0]) == []


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


def test_what_it_does_not_know_is_said_with_the_reason() -> None:
    """In every form; the classes are shown all the same, but are no answer."""
    lines = shown("table", 1, UNSURE)[0].splitlines()
    assert lines[0] == "a.jpg: don't know, too close between cat and dog: cat 51.0%"
    assert lines[1] == "b.jpg: don't know, unlike the photos that it learned from: dog 90.0%"
    rows = json.loads(shown("json", 1, UNSURE)[0])
    assert [row["answer"] for row in rows] == [None, None, "dog"]
    assert [row.get("doubt", "")[:6] for row in rows] == ["too cl", "unlike", ""]
    table = list(csv.DictReader(io.StringIO(shown("csv", 1, UNSURE)[0])))
    assert [row["doubt"][:6] for row in table if row["rank"] == "1"] == ["too cl", "unlike", ""]
    assert [row["class"] for row in table if row["rank"] == "1"] == ["cat", "dog", "dog"]


@pytest.mark.parametrize("top", [1, 3])
def test_a_set_is_shown_whole_and_alone(top: int) -> None:
    """Whatever ``--top`` says."""
    assert shown("table", top, UNSURE[2:])[0] == "c.jpg: dog 60.0%   cat 30.0%\n"


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_more_classes_than_there_are_is_all_of_them(form: str) -> None:
    """``--top 99`` of two classes is two."""
    assert shown(form, top=99) == shown(form, top=2)


def test_an_unknown_format_offers_the_nearest() -> None:
    """And lists what there is."""
    with pytest.raises(UnknownNameError, match=r"Did you mean 'json'\? Known: csv, json, table"):
        writer("jsn", 3)
