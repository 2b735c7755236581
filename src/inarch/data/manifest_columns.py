"""The columns of a manifest, by their usual names."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from inarch.data.arrangement import Arrangement
from inarch.data.csv_table import CsvTable
from inarch.data.split_names import UNLABELLED_SPLIT, split_named
from inarch.errors import PhotosError


class UsualNames(NamedTuple):
    """Names of the four columns, the usual ones first, as `_plain` writes them."""

    paths: Sequence[str] = (
        *("path", "filename", "filepath", "file", "image", "imagepath", "imagefile", "imagename", "imagefilename"),
        *("img", "imgpath", "imgname", "photo", "photopath", "picture"),
    )
    labels: Sequence[str] = ("label", "class", "classname", "category", "target", "labelname", "species")
    splits: Sequence[str] = ("split", "set", "subset", "partition")
    groups: Sequence[str] = ("group", "groupid")


USUAL_NAMES = UsualNames()


class Columns(NamedTuple):
    """The places of the columns that are used."""

    path: int
    label: int
    split: int | None
    group: int | None
    notes: tuple[str, ...] = ()

    @property
    def places(self) -> tuple[int | None, ...]:
        """Path, label, split and group."""
        return self.path, self.label, self.split, self.group


def _plain(name: str) -> str:
    """A column's name in small letters without spaces and signs: ``File_Name`` is filename."""
    return "".join(filter(str.isalnum, name.casefold()))


def has_columns(header: Sequence[str], arrangement: Arrangement) -> bool:
    """Whether a header has a column of paths and one of labels."""
    return None not in (
        _place(header, USUAL_NAMES.paths, arrangement.image_column),
        _place(header, USUAL_NAMES.labels, arrangement.label_column),
    )


def _place(header: Sequence[str], names: Sequence[str], asked: str | None) -> int | None:
    """The place of the column that was asked for, or of the one with the most usual name."""
    plain = [_plain(name) for name in header]
    if asked is not None:
        if asked.strip() in header:
            return header.index(asked.strip())
        return plain.index(_plain(asked)) if _plain(asked) in plain else None
    return next((plain.index(name) for name in names if name in plain), None)


def find_columns(manifest: Path, table: CsvTable, arrangement: Arrangement) -> Columns:
    """The columns of paths, labels, splits and groups; the notes say which were not expected, and which are not used.

    Raises:
        PhotosError: there are no paths or no labels.
    """
    header = table.columns
    path = _place(header, USUAL_NAMES.paths, arrangement.image_column)
    label = _place(header, USUAL_NAMES.labels, arrangement.label_column)
    if path is None or label is None:
        raise PhotosError(_explain_columns(manifest, header, arrangement))
    if path == label:
        raise PhotosError(f"{manifest}, line 1: {header[path]!r} cannot be the column of paths and of labels too.")
    split = _place(header, USUAL_NAMES.splits, None)
    if split is not None and _plain(header[split]) != "split" and not _names_splits(table, split):
        split = None
    columns = Columns(path, label, None if split in (path, label) else split, _place(header, USUAL_NAMES.groups, None))
    return columns._replace(notes=tuple(_notes(header, columns)))


def _names_splits(table: CsvTable, place: int) -> bool:
    """Whether every value of a column that is called ``set`` names a split."""
    values = {cells[place] for _, cells in table.rows if len(cells) > place}
    return bool(values) and all(split_named(value) not in (None, UNLABELLED_SPLIT) for value in values)


def _notes(header: Sequence[str], columns: Columns) -> list[str]:
    kinds = (
        (columns.path, "paths", ("path", "file_name")),
        (columns.label, "labels", ("label",)),
        (columns.split, "splits", ("split",)),
        (columns.group, "groups", ("group",)),
    )
    said = [f"{header[at]!r} has the {kind}" for at, kind, ours in kinds if at is not None and header[at] not in ours]
    unused = [repr(name) for at, name in enumerate(header) if at not in columns.places and name]
    notes = [f"Columns of the manifest: {', '.join(said)}."] if said else []
    if unused:
        noun = "Column" if len(unused) == 1 else "Columns"
        verb = "is" if len(unused) == 1 else "are"
        shown = ", ".join(unused[:10])
        notes.append(f"{noun} {shown} of the manifest {verb} not used; splits are in a column split, groups in group.")
    return notes


def _explain_columns(manifest: Path, header: Sequence[str], arrangement: Arrangement) -> str:
    found = f"found: {', '.join(header) or 'nothing'}"
    asked = [name for name in (arrangement.image_column, arrangement.label_column) if name is not None]
    lacking = [repr(name) for name in asked if _place(header, (), name) is None]
    if lacking:
        return f"{manifest}, line 1: there is no column {' and no column '.join(lacking)}; {found}."
    return (
        f"{manifest}, line 1: the columns path (or file_name) and label are needed; {found}. Name others with "
        "--image-column and --label-column."
    )
