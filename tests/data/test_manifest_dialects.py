"""Manifests in dialects drawn at random, and manifests with faults: all of them named at once."""

import csv
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inarch.commands.doctor.checks.files import report_skipped_files
from inarch.data.arrangement import Arrangement
from inarch.data.manifest import MISSING_LABELS
from inarch.data.scan import scan, survey
from inarch.errors import PhotosError

LABELLED = (("a", "ants"), ("b", "Bienen, süß"), ("c", 'c "b"; c|d'))
ROWS = [(f"{folder}/{number}.jpg", label) for folder, label in LABELLED for number in range(3)]
PATHS = ("path", "Path", "file_name", "FileName", "image", "Image Path", "filename", "FILE", "img_path", "photo")
LABELS = ("label", "Label", "LABEL", "class", "class_name", "Category", "target")


def write(root: Path, content: str | bytes, name: str = "photos.csv") -> Path:
    for path, _ in ROWS:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(path.encode())
    file = root / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return file


@settings(max_examples=40)
@given(
    separator=st.sampled_from(",;\t|"),
    ends=st.sampled_from(("\n", "\r\n")),
    quoting=st.sampled_from((csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC)),
    encoding=st.sampled_from(("utf-8", "utf-8-sig", "utf-16", "utf-32")),
    head=st.tuples(st.sampled_from(PATHS), st.sampled_from(LABELS)),
    shape=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_every_dialect_gives_the_same_rows(separator, ends, quoting, encoding, head, shape) -> None:
    """Separators, line ends, quotes, encodings, names of columns, blank rows, Excel's first line, backslashes."""
    blank, excel, windows = shape
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=ends, quoting=quoting)
    writer.writerow(("number", *head))
    for number, (path, label) in enumerate(ROWS):
        writer.writerow((number, path.replace("/", "\\") if windows else path, label))
        if blank:
            writer.writerow(("", "", ""))
    content = (f"sep={separator}{ends}" if excel else "") + text.getvalue()
    with tempfile.TemporaryDirectory() as folder:
        found = scan(write(Path(folder), content.encode(encoding)))
    assert [(photo.path, found.classes[photo.label]) for photo in found.photos] == ROWS
    assert any("'number'" in note for note in found.notes)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (("1,a,b", "2,c,d"), r"2 faulty lines: line 2 has 3 cells, the header 2.*; line 3 has 3 cells"),
        (
            ("1,", "2,nan", ",x"),
            r"line 2: '1' has no label; line 3: '2' has the label 'nan'.*; line 4: there is no path",
        ),
        (("a/0.jpg,x", "a/0.jpg,y", "a/1.jpg,x", "./a/1.jpg,y"), r"'a/0.jpg' has two labels.*'a/1.jpg' has two labels"),
        (tuple(f"{n},NaN" for n in range(6)), r"6 faulty lines.*the others are in lines 5, 6, 7\.$"),
    ],
)
def test_all_faulty_lines_are_named_at_once(tmp_path: Path, lines: tuple[str, ...], sentence: str) -> None:
    """In training; what only lists faults takes the other rows."""
    file = write(tmp_path, "\n".join(["path,label", *lines, *(f'{path},"{label[0]}"' for path, label in ROWS[:6])]))
    with pytest.raises(PhotosError, match=sentence) as caught:
        scan(file)
    assert "\n" not in str(caught.value)
    found = survey(file)
    assert len(found.photos) >= 6
    assert found.skipped


@pytest.mark.parametrize("text", sorted(MISSING_LABELS))
def test_no_class_is_a_missing_value(tmp_path: Path, text: str) -> None:
    """As data frames and spreadsheets write it."""
    with pytest.raises(PhotosError, match="means a missing value"):
        scan(write(tmp_path, f"path,label\na/0.jpg,x\na/1.jpg,y\na/2.jpg,{text}\n"))


def test_missing_values_are_those_of_pandas() -> None:
    """An oracle from outside, where it is installed: every text that pandas reads as a missing value."""
    pandas = pytest.importorskip("pandas")
    text = "label\n" + "".join(f'"{each}"\n' for each in sorted(MISSING_LABELS - {"NaT"}))
    assert pandas.read_csv(io.StringIO(text))["label"].isna().all()


def test_missing_files_are_left_out_and_listed(tmp_path: Path) -> None:
    """All of them, with their lines; the nearest file is offered."""
    lines = ["path,label", *(f'{path},"{label[0]}"' for path, label in ROWS[:6])]
    lines += ["A/0.JPG,a", "gone.jpg,a", "https://x.org/1.jpg,a", "a,a", "file://gone2.jpg,a"]
    found = scan(write(tmp_path, "\n".join(lines)))
    assert len(found.photos) == 6
    assert "5 of 11 files are not there, and left out: lines 8, 9, 10, 11, 12" in found.notes[0]
    reasons = [file.reason for file in found.skipped]
    assert "Did you mean 'a/0.jpg'" in reasons[0]
    assert "is an address" in reasons[2]
    assert "is a folder" in reasons[3]


def test_another_root_and_other_columns(tmp_path: Path) -> None:
    """Paths that are relative to another folder, in columns of any name."""
    write(tmp_path / "photos", "")
    (tmp_path / "lists").mkdir()
    file = tmp_path / "lists" / "photos.csv"
    file.write_text("wo,was\n" + "".join(f"{path},{label[0]}\n" for path, label in ROWS))
    with pytest.raises(PhotosError, match="--image-column and --label-column"):
        scan(file)
    with pytest.raises(PhotosError, match="there is no column 'Wa'; found: wo, was"):
        scan(file, arrangement=Arrangement(image_column="wo", label_column="Wa"))
    with pytest.raises(PhotosError, match=r"None of the 9 files in .* is there.*--root FOLDER"):
        scan(file, arrangement=Arrangement(image_column="wo", label_column="was"))
    asked = Arrangement(image_column="wo", label_column="WAS", root=tmp_path / "photos")
    found = scan(file, arrangement=asked)
    assert len(found.photos) == 9
    assert found.root == str(tmp_path / "photos")


@pytest.mark.parametrize(
    ("head", "cell", "split", "note"),
    [
        ("Split", "Test", "test", "'Split' has the splits"),
        ("set", "testing", "test", "'set' has the splits"),
        ("subset", "eval", "test", "'subset' has the splits"),
        ("set", "blue", "", "Column 'set' of the manifest is not used"),
        ("is_valid", "True", "", "Column 'is_valid' of the manifest is not used"),
    ],
)
def test_columns_of_splits(tmp_path: Path, head: str, cell: str, split: str, note: str) -> None:
    """Capitals do not matter; what is not used is said."""
    lines = [f"path,label,{head}"]
    for number, (path, label) in enumerate(ROWS):
        lines.append(f"{path},{label[0]},{cell if number % 3 == 0 else 'train' if split else cell}")
    found = scan(write(tmp_path, "\n".join(lines)))
    assert {photo.split for photo in found.photos if Path(photo.path).stem == "0"} == {split}
    assert note in found.notes[0]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("path,label\na/0.jpg,süß".encode("cp1252"), r"Windows-1252 \(cp1252\).*line 2 reads 'a/0.jpg,süß'.*UTF-8"),
        ("path,label\n".encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b"PK\x03\x04\xff\xfe", "spreadsheet"),
        (b"path,label\n\x81\x8d", "line 2 shows, and its encoding is not known"),
    ],
)
def test_encodings_are_named(tmp_path: Path, content: bytes, sentence: str) -> None:
    """With the way to save the file."""
    with pytest.raises(PhotosError, match=sentence):
        scan(write(tmp_path, content))


def test_a_repeated_row_counts_once(tmp_path: Path) -> None:
    """The same photo with the same label is nothing new."""
    found = scan(write(tmp_path, "path,label\na/0.jpg,x\na/1.jpg,y\n\na/0.jpg,x\n"))
    assert len(found.photos) == 2
    assert found.notes == ("Rows that repeat another count once: line 5.",)


def test_the_doctor_lists_every_faulty_row(tmp_path: Path) -> None:
    """It goes on with the others, and each row is an error."""
    lines = ["path,label", *(f"{path},{label[0]}" for path, label in ROWS[:6]), "gone.jpg,a", "x,y,z", "b/0.jpg,a"]
    found = survey(write(tmp_path, "\n".join([*lines, ",a", "c/0.jpg,"])))
    assert len(found.photos) == 6
    assert [finding.kind for finding in report_skipped_files(found)] == ["row"] * 5
