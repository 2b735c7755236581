"""Which photos to answer for, and answers as a table, JSON or CSV."""

import csv
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn, Protocol, runtime_checkable

from inarch.bundle.predictor import Prediction
from inarch.data.decode import IMAGE_SUFFIXES, identify
from inarch.errors import PhotosError, UnknownNameError, UnreadableImageError
from inarch.report.wording import make_printable


@runtime_checkable
class Stream(Protocol):
    """Where answers go: ``sys.stdout``, an open file."""

    def write(self, text: str, /) -> object:
        """Add ``text``."""


Writer = Callable[[Iterable[Prediction], Stream], list[str]]
"""Prints every answer as it comes; returns the names of the photos that could not be read."""


def photos_in(paths: Iterable[Path]) -> list[Path]:
    """The files named, and all photos below the folders named, in order.

    In a folder a file counts as a photo if its name or its header says so, as in training; hidden ones are passed over.

    Raises:
        PhotosError: a path does not exist, or a folder cannot be opened or holds no photos.
    """
    files: list[Path] = []
    for path in paths:
        if os.path.isdir(path):
            found = list(_photos_below(path))
            if not found:
                raise PhotosError(f"The folder {path} holds no photos.")
            files += found
        elif os.path.exists(path):
            files.append(path)
        else:
            raise PhotosError(f"There is no photo at {path}.")
    return files


def _photos_below(root: Path) -> Iterator[Path]:
    """Links are followed, but no folder is entered twice."""
    seen: set[str] = set()
    for folder, folders, names in os.walk(root, onerror=_refuse, followlinks=True):
        real = os.path.realpath(folder)
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith("."))
        if real not in seen:
            seen.add(real)
            files = (Path(folder, name) for name in sorted(names) if not name.startswith("."))
            yield from (file for file in files if _may_be_photo(file))


def _refuse(error: OSError) -> NoReturn:
    raise PhotosError(f"The folder {error.filename} cannot be opened ({error.strerror}).") from error


def _may_be_photo(file: Path) -> bool:
    if file.suffix.lower() in IMAGE_SUFFIXES:
        return True
    if not os.path.isfile(file):  # opening a pipe would wait for ever
        return False
    try:
        identify(file)
    except UnreadableImageError:
        return False
    return True


def writer(form: str, top: int) -> Writer:
    """The writer for ``form``, showing the ``top`` most probable classes, or each photo's set where sets were made.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if form not in WRITERS:
        raise UnknownNameError("format", form, WRITERS)

    def write(predictions: Iterable[Prediction], stream: Stream) -> list[str]:
        unread: list[str] = []
        WRITERS[form](_collect_unread(predictions, unread), stream, top)
        return unread

    return write


def _collect_unread(predictions: Iterable[Prediction], unread: list[str]) -> Iterator[Prediction]:
    """The same predictions; the names of those without an answer are added to ``unread`` as they pass."""
    for each in predictions:
        if each.problem:
            unread.append(each.name)
        yield each


def _write_table(predictions: Iterable[Prediction], stream: Stream, top: int) -> None:
    for each in predictions:
        shown = "   ".join(f"{name} {probability:.1%}" for name, probability in _select_classes(each, top))
        said = f"don't know, {each.doubt}: {shown}" if each.doubt else shown or f"not read: {each.problem}"
        stream.write(f"{make_printable(each.name)}: {make_printable(said)}\n")


def _select_classes(each: Prediction, top: int) -> tuple[tuple[str, float], ...]:
    """The classes that are shown: those of its set, or the ``top`` most probable ones."""
    return each.ranking[: each.likely or top]


def _write_json(predictions: Iterable[Prediction], stream: Stream, top: int) -> None:
    rows = []
    for each in predictions:
        best = [{"class": name, "probability": round(value, 6)} for name, value in _select_classes(each, top)]
        said = {name: value for name, value in (("problem", each.problem), ("doubt", each.doubt)) if value}
        rows.append({"photo": each.name, "answer": each.answer or None, "predictions": best, **said})
    stream.write(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


def _write_csv(predictions: Iterable[Prediction], stream: Stream, top: int) -> None:
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(["photo", "rank", "class", "probability", "problem", "doubt"])
    for each in predictions:
        for rank, (name, value) in enumerate(_select_classes(each, top), start=1):
            rows.writerow([each.name, rank, name, f"{value:.6f}", "", each.doubt])
        if each.problem:
            rows.writerow([each.name, "", "", "", each.problem, ""])


WRITERS: Mapping[str, Callable[[Iterable[Prediction], Stream, int], None]] = MappingProxyType(
    {"table": _write_table, "json": _write_json, "csv": _write_csv}
)
