"""A CSV manifest of photos: ``path,label[,group,split]``, one photo a line."""

import csv
import io
import os
from pathlib import Path

from inarch.data.candidate_files import SPLITS, CandidateFile, Listing
from inarch.data.photos import PhotoSet
from inarch.data.spelling import compose, spell_path
from inarch.errors import PhotosError

PATH_COLUMNS = ("path", "file_name")
"""``file_name`` is the column's name in a Hugging Face ``metadata.csv``."""

Row = dict[str, str]


def list_manifest(manifest: Path) -> Listing:
    """Every row of a manifest; paths are relative to the manifest's folder.

    Raises:
        PhotosError: a line is wrong; the message names it and its fault.
        OSError: the manifest cannot be opened.
    """
    lines: dict[str, int] = {}
    found: list[CandidateFile] = []
    for line, row in _rows(manifest):
        try:
            photo = _photo(manifest.parent, row)
            if photo.path in lines:
                raise PhotosError(f"{photo.path!r} is listed already, in line {lines[photo.path]}.")
            if found and bool(found[0].split) != bool(photo.split):
                raise PhotosError("either every line names a split, or none does.")
        except PhotosError as error:
            raise PhotosError(f"{manifest}, line {line}: {error}") from error
        lines[photo.path] = line
        found.append(photo)
    if not found:
        raise PhotosError(f"{manifest} lists no photos: it needs a line path,label for each.")
    classes = sorted({photo.label for photo in found if photo.split in ("", "train")})
    splits = sorted({photo.split for photo in found})
    return Listing(manifest.parent, tuple(classes), tuple(splits), tuple(found))


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


def _rows(manifest: Path) -> list[tuple[int, Row]]:
    """Every row with its line in the file, all values stripped, absent ones empty."""
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restkey="", restval="")
            columns = [name.strip() for name in reader.fieldnames or ()]
            _require_columns(manifest, columns)
            reader.fieldnames = columns
            return [(reader.line_num, {name: value.strip() for name, value in row.items() if name}) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise PhotosError(f"{manifest} is not a CSV file in UTF-8 ({error}).") from error


def _require_columns(manifest: Path, columns: list[str]) -> None:
    if not any(name in columns for name in PATH_COLUMNS) or "label" not in columns:
        raise PhotosError(
            f"{manifest}, line 1: the columns path (or file_name) and label are needed, with commas between; "
            f"found: {', '.join(columns) or 'nothing'}."
        )


def _photo(folder: Path, row: Row) -> CandidateFile:
    path = next((row[name] for name in PATH_COLUMNS if row.get(name)), "")
    if not path:
        raise PhotosError("there is no path.")
    if not row["label"]:
        raise PhotosError(f"{path!r} has no label.")
    path = spell_path(folder, path)
    file = folder / path
    if not os.path.isfile(file):
        raise PhotosError(f"there is no file {path!r} in {folder}.")
    split = row.get("split", "")
    if split and split.lower() not in SPLITS:
        raise PhotosError(f"there is no split {split!r}; the splits are train, val and test.")
    return CandidateFile(
        file, Path(path).as_posix(), compose(row["label"]), SPLITS.get(split.lower(), ""), row.get("group", "")
    )
