"""A CSV manifest of photos: ``path,label[,group,split]``, one photo a line."""

import csv
import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from inarch.data.arrangement import USUAL, Arrangement
from inarch.data.candidate_files import CandidateFile, Listing
from inarch.data.csv_table import CsvTable, read_table
from inarch.data.manifest_columns import Columns, find_columns, has_columns
from inarch.data.photos import PhotoSet, SkippedFile
from inarch.data.spelling import compose, spell_path
from inarch.data.split_names import EVALUATION, UNLABELLED_SPLIT, resolve_evaluation, split_named
from inarch.errors import PhotosError
from inarch.report.wording import shortened

MISSING_LABELS = frozenset(
    [
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
        "NaT",
    ]
)
"""Texts that spreadsheets and data frames write where there is no value."""


class _Row(NamedTuple):
    """One line of a manifest, as it is written."""

    line: int
    path: str
    label: str
    split: str
    group: str

    @property
    def content(self) -> tuple[str, str, str]:
        """Everything but the place of the photo."""
        return self.label, self.split, self.group


@dataclass
class _Reading:
    """The rows of a manifest, sorted into photos, missing files and faults."""

    manifest: Path
    root: Path
    seen: dict[str, _Row] = field(default_factory=dict)
    found: list[CandidateFile] = field(default_factory=list)
    missing: list[SkippedFile] = field(default_factory=list)
    faults: list[SkippedFile] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    listed: int = 0
    split_of: dict[str, str] = field(default_factory=dict)
    """Our names of the splits, by the names in the manifest."""


def list_manifest(manifest: Path, arrangement: Arrangement = USUAL) -> Listing:
    """Every row of a manifest; paths are relative to its folder, or to `Arrangement.root`.

    Files that are not there are skipped, and all faulty rows are listed.

    Raises:
        PhotosError: it has not the columns that are needed, lists no photos, or hardly any of its files are there.
        OSError: the manifest cannot be opened.
    """
    table = read_table(manifest, lambda header: has_columns(header, arrangement))
    columns = find_columns(manifest, table, arrangement)
    root = manifest.parent if arrangement.root is None else arrangement.root.absolute()
    reading = _Reading(manifest, root)
    rows = _complete_rows(table, columns, reading)
    _check_splits(rows, reading)
    for row in rows:
        _read_row(row, reading)
    _require_files(reading, len(rows))
    classes = {photo.label for photo in reading.found if photo.split in ("", "train")}
    return Listing(
        root,
        tuple(sorted(classes)),
        tuple(sorted(set(reading.split_of.values()) or {""})),
        tuple(reading.found),
        tuple(reading.missing),
        (*table.notes, *columns.notes, *_notes(reading)),
        tuple(reading.faults),
    )


def _complete_rows(table: CsvTable, columns: Columns, reading: _Reading) -> list[_Row]:
    """The rows with a path and a label, and no cell too many."""
    rows = []
    for line, cells in table.rows:
        width = len(table.columns)
        if any(cells[width:]):
            reading.faults.append(
                SkippedFile(
                    f"{reading.manifest.name}, line {line}",
                    f"line {line} has {len(cells)} cells, the header {width}: put a value that holds the separator "
                    "into quotes",
                )
            )
            continue
        values = dict(zip(range(width), cells, strict=False))
        row = _Row(line, *(values.get(at, "") if at is not None else "" for at in columns.places))
        row = row._replace(label=compose(row.label))
        problem = _find_gap(row)
        if problem:
            reading.faults.append(SkippedFile(row.path or f"{reading.manifest.name}, line {line}", problem))
        else:
            rows.append(row)
    reading.listed = len(rows)
    return rows


def _find_gap(row: _Row) -> str:
    """A sentence without its end about a row that lacks something; empty if it is complete."""
    if not row.path:
        return f"line {row.line}: there is no path"
    if not row.label:
        return f"line {row.line}: {row.path!r} has no label"
    if row.label in MISSING_LABELS:
        return (
            f"line {row.line}: {row.path!r} has the label {row.label!r}, which means a missing value: give it a label, "
            "or another name to the class"
        )
    if row.split and split_named(row.split) in (None, UNLABELLED_SPLIT):
        return f"line {row.line}: there is no split {row.split!r}; the splits are train, val and test"
    return ""


def _check_splits(rows: list[_Row], reading: _Reading) -> None:
    """Name the splits, and list rows without one where others have one."""
    roles = {row.split: split_named(row.split) or "" for row in rows if row.split}
    other = resolve_evaluation(roles.values())
    reading.split_of = {name: other if role == EVALUATION else role for name, role in roles.items()}
    without = [row for row in rows if not row.split]
    if len(without) < len(rows):
        for row in without:
            problem = f"line {row.line}: either every line names a split, or none does"
            reading.faults.append(SkippedFile(row.path, problem))


def _read_row(row: _Row, reading: _Reading) -> None:
    """Sort one row into the photos, the missing files or the faults."""
    path = spell_path(reading.root, _read_path(reading.root, row.path))
    file = reading.root / path
    earlier = reading.seen.get(path)
    if earlier is None:
        reading.seen[path] = row
    elif earlier.content == row.content:
        reading.repeated.append(row.line)
        return
    elif earlier.label != row.label:
        problem = (
            f"line {row.line}: {path!r} has two labels, {earlier.label!r} in line {earlier.line} and {row.label!r}: "
            "a photo has one"
        )
        reading.faults.append(SkippedFile(path, problem))
        return
    else:
        problem = f"line {row.line}: {path!r} is listed already, in line {earlier.line}, with another split or group"
        reading.faults.append(SkippedFile(path, problem))
        return
    if not os.path.isfile(file):
        reading.missing.append(SkippedFile(path, f"Line {row.line}: {_explain_missing(reading.root, row.path)}"))
        return
    split = reading.split_of.get(row.split, "")
    reading.found.append(CandidateFile(file, path, row.label, split, row.group))


def _read_path(root: Path, path: str) -> str:
    """A path as `Photo.path`: with either kind of slash, as an address of a file, or below the home folder."""
    if path.lower().startswith("file://"):
        path = unquote(path[7:].removeprefix("localhost"))
    if path.startswith("~") and not os.path.exists(root / path):
        path = os.path.expanduser(path)
    if "\\" in path and not os.path.isfile(root / path):
        path = path.replace("\\", "/")
    return Path(path).as_posix()


def _path_below(root: Path, file: Path) -> str:
    try:
        return file.relative_to(root).as_posix()
    except ValueError:
        return file.as_posix()


def _explain_missing(root: Path, path: str) -> str:
    """Why there is no such file, with the nearest one that exists."""
    if path.lower().startswith(("http://", "https://", "s3://", "gs://")):
        return f"{path!r} is an address, not a file: download it first."
    file = root / _read_path(root, path)
    if os.path.isdir(file):
        return f"{path!r} is a folder."
    near = _find_near(file)
    if near is not None:
        return f"there is no file {path!r} in {root}. Did you mean {_path_below(root, near)!r}?"
    if os.path.isfile(path):
        return f"there is no file {path!r} in {root}; there is one in the working folder: say --root ."
    return f"there is no file {path!r} in {root}."


def _find_near(file: Path) -> Path | None:
    """The file whose path differs by capitals only."""
    place = Path(file.anchor)
    for part in file.parts[1:] if file.anchor else file.parts:
        if not os.path.exists(place / part):
            try:
                names = [name for name in os.listdir(place) if name.casefold() == part.casefold()]
            except OSError:
                return None
            if not names:
                return None
            part = names[0]
        place = place / part
    return place if os.path.isfile(place) else None


def _require_files(reading: _Reading, listed: int) -> None:
    """Refuse a manifest that lists nothing, or whose files are elsewhere."""
    if not listed and not reading.faults:
        raise PhotosError(f"{reading.manifest} lists no photos: it needs a line path,label for each.")
    if reading.missing and not reading.found:
        noun = "The file" if len(reading.missing) == 1 else f"None of the {len(reading.missing)} files"
        verb = "is not" if len(reading.missing) == 1 else "is"
        raise PhotosError(
            f"{noun} in {reading.manifest} {verb} there: {reading.missing[0].reason.removesuffix('.')}; name the "
            "folder with --root FOLDER if the paths are relative to another one."
        )


def _notes(reading: _Reading) -> list[str]:
    notes = []
    if reading.missing:
        lines = [file.reason.partition(":")[0].removeprefix("Line ") for file in reading.missing]
        files = "file is" if reading.listed == 1 else "files are"
        notes.append(
            f"{len(lines)} of {reading.listed} {files} not there, and left out: {_lines(lines)} "
            f"{shortened(lines, 10)} of {reading.manifest.name}."
        )
    if reading.repeated:
        shown = ", ".join(map(str, reading.repeated[:10]))
        notes.append(f"Rows that repeat another count once: {_lines(reading.repeated)} {shown}.")
    return notes


def _lines(lines: list[str] | list[int]) -> str:
    return "line" if len(lines) == 1 else "lines"


def to_manifest(photos: PhotoSet, folder: Path) -> str:
    """The text of a manifest that lists ``photos``, to be written into ``folder``.

    Raises:
        PhotosError: a name or a class begins or ends with a space, which a manifest cannot hold.
    """
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(("path", "label", "group", "split"))
    for photo in photos.photos:
        file = os.path.join(os.path.realpath(photos.root), photo.path)
        row = (_relative_path(file, os.path.realpath(folder)), photos.classes[photo.label], photo.group, photo.split)
        if any(value != value.strip() for value in row):
            raise PhotosError(f"{photo.path!r} has a name or a class that begins or ends with a space; rename it.")
        lines.writerow(row)
    return text.getvalue()


def fits_manifest(path: str) -> bool:
    """Whether a manifest can hold a photo's path: values are read without the spaces around them."""
    return path == path.strip()


def _relative_path(file: str, folder: str) -> str:
    """The path with forward slashes; absolute if no relative path exists, as between drives of Windows."""
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:
        return Path(file).as_posix()
