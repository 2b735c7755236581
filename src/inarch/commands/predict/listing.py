"""The photos to classify, and their predictions as text or CSV."""

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn, Protocol, runtime_checkable

from inarch.bundle.predictor import Prediction
from inarch.data.decode import IMAGE_SUFFIXES, identify
from inarch.data.passed_over import is_passed_over
from inarch.data.spelling import find_spelled
from inarch.errors import PhotosError, UnreadableImageError
from inarch.report.wording import make_printable


@runtime_checkable
class Stream(Protocol):
    """The destination of predictions: ``sys.stdout``, an open file."""

    def write(self, text: str, /) -> object:
        """Add ``text``."""


def photos_in(paths: Iterable[Path]) -> list[Path]:
    """The files named, and all photos below the folders named, in order.

    In a folder, a file counts as a photo if its name or its header says so, as in training. Hidden files and what
    systems put into folders are passed over, as there.

    Raises:
        PhotosError: a path does not exist, or a folder cannot be opened or holds no photos.
    """
    files: list[Path] = []
    for each in paths:
        path = each if os.path.exists(each) else find_spelled(each.absolute())
        if os.path.isdir(path):
            found = list(_photos_below(path))
            if not found:
                raise PhotosError(f"The folder {path} holds no photos; name another one.")
            files += found
        elif path.suffix.lower() in (".zip", ".tar", ".tgz", ".gz", ".7z", ".rar"):
            raise PhotosError(f"{path} is an archive; unpack it first, and name the folder.")
        elif os.path.exists(path):
            files.append(path)
        else:
            raise PhotosError(_explain_absence(str(each)))
    return files


def _explain_absence(path: str) -> str:
    """The reason why there is nothing to read: not every word that looks like a source of photos is one here."""
    if path == "-":
        return "Photos are not read from stdin, as - would have it; name files or folders."
    if re.match(r"[a-z][a-z0-9+.-]+:/", path, re.IGNORECASE):
        return f"{path} is an address; download the photo first, and name its file."
    if any(character in path for character in "*?["):
        return f"No file has the name {path}: leave out the quotes, so that the shell expands the pattern."
    return f"There is no photo at {path}; check the path."


def _photos_below(root: Path) -> Iterator[Path]:
    """Links are followed, but no folder is entered twice."""
    seen: set[str] = set()
    for folder, folders, names in os.walk(root, onerror=_refuse, followlinks=True):
        real = os.path.realpath(folder)
        folders[:] = [] if real in seen else sorted(name for name in folders if not is_passed_over(name))
        if real not in seen:
            seen.add(real)
            files = (Path(folder, name) for name in sorted(names) if not is_passed_over(name))
            yield from (file for file in files if _may_be_photo(file))


def _refuse(error: OSError) -> NoReturn:
    raise PhotosError(f"The folder {error.filename} cannot be opened ({error.strerror}).") from error


def _may_be_photo(file: Path) -> bool:
    if file.suffix.lower() in IMAGE_SUFFIXES:
        return True
    if not os.path.isfile(file):  # opening a pipe would block forever
        return False
    try:
        identify(file)
    except UnreadableImageError:
        return False
    return True


def keep_shown(predictions: Iterable[Prediction], top: int, unread: list[str]) -> Iterator[Prediction]:
    """The predictions with the classes that are shown: those of a photo's set, or else the ``top`` most probable ones.

    The names of photos that could not be read are added to ``unread`` as they pass.
    """
    for each in predictions:
        if each.problem:
            unread.append(each.name)
        yield replace(each, ranking=each.ranking[: each.likely or top])


def write_text(predictions: Iterable[Prediction], stream: Stream) -> None:
    """A line for each photo, as it is answered."""
    for each in predictions:
        shown = "   ".join(f"{name} {probability:.1%}" for name, probability in each.ranking)
        said = f"abstains, {each.abstention}: {shown}" if each.abstention else shown or f"not read: {each.problem}"
        stream.write(f"{make_printable(each.name)}: {make_printable(said)}\n")


def write_csv(predictions: Iterable[Prediction], stream: Stream) -> None:
    """A row for each class that is shown of a photo; a photo that could not be read has one, with the reason."""
    rows = csv.writer(stream, lineterminator="\n")
    rows.writerow(["photo", "rank", "class", "probability", "problem", "abstention"])
    for each in predictions:
        for rank, (name, value) in enumerate(each.ranking, start=1):
            rows.writerow([each.name, rank, name, f"{value:.6f}", "", each.abstention])
        if each.problem:
            rows.writerow([each.name, "", "", "", each.problem, ""])


WRITERS: Mapping[str, Callable[[Iterable[Prediction], Stream], None]] = MappingProxyType(
    {"text": write_text, "csv": write_csv}
)
"""Writers that print every prediction as it comes."""
