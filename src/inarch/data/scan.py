"""From a folder or a manifest to a list of photos with labels and digests. No pixel is decoded here."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from inarch.data.arrangement import USUAL, Arrangement
from inarch.data.candidate_files import CandidateFile, Listing
from inarch.data.decode import IMAGE_SUFFIXES, identify
from inarch.data.folders import list_folder, list_unlabelled
from inarch.data.manifest import list_manifest
from inarch.data.photos import Photo, PhotoSet, SkippedFile
from inarch.data.spelling import compose, find_spelled
from inarch.data.split_names import split_named
from inarch.errors import PhotosError, UnreadableImageError
from inarch.report.wording import shortened
from inarch.storage.home import expand
from inarch.storage.parallel import map_in_order

ARRANGEMENT = "a folder of class folders, a folder holding train/ and val/ or test/, or a CSV manifest (path,label)"


def scan(photos: str | Path, classes: Sequence[str] | None = None, arrangement: Arrangement = USUAL) -> PhotoSet:
    """Find the photos and their classes.

    A file counts as a photo if its name or its header says so; unreadable pixels are found by decoding. Hidden files
    are ignored; every other skipped file is listed with the reason. Classes are in the order of Python's ``sorted``;
    with splits, they are those of train.

    Args:
        photos: a folder of class folders, a folder of split folders (train, val, test, or a usual name for them) with
            class folders in each or inside each class folder, or a CSV manifest (``path,label[,group,split]``).
        classes: those of a model that is to be measured, in its order: labels refer to them, and photos of some of them
            suffice. Without it the classes are those found, and each needs training photos.
        arrangement: where the labels are, if that is not the usual place.

    Raises:
        PhotosError: the photos are not arranged in one of these ways, a split has a class that train lacks, or there is
            a class that is not in ``classes``.
    """
    path = find_spelled(expand(photos).absolute())
    listing = _list_photos(path, arrangement)
    if listing.faults:
        raise PhotosError(_explain_faults(path, listing.faults))
    examined = _examine_files(listing)
    readable = [found for found, digest in examined if isinstance(digest, str)]
    try:
        if classes is None:
            listing = listing._replace(notes=(*listing.notes, *_check(path, listing, readable)))
        else:
            _check_known(path, readable, classes)
            _check_measured(path, listing, readable)
    except PhotosError as error:
        if missing := [note for note in listing.notes if "not there" in note]:
            raise PhotosError(f"{error} {missing[0]}") from error
        raise
    return _photo_set(listing, examined, listing.classes if classes is None else classes)


def survey(photos: str | Path, arrangement: Arrangement = USUAL) -> PhotoSet:
    """Find the photos as `scan` does, with any classes: of any split, empty, or only one.

    Raises:
        PhotosError: the photos are not arranged in one of the ways that `scan` knows.
    """
    path = find_spelled(expand(photos).absolute())
    listing = _list_photos(path, arrangement)
    listing = listing._replace(skipped=(*listing.skipped, *listing.faults))
    examined = _examine_files(listing)
    return _photo_set(listing, examined, sorted({*listing.classes, *(found.label for found, _ in examined)}))


def scan_unlabelled(photos: str | Path) -> PhotoSet:
    """Find the photos below a folder, in any arrangement; all of them have one class, `UNLABELLED`.

    Copies of a file count once, and photos are in the order of their digests, so that names carry no information.

    Raises:
        PhotosError: it is not a folder that can be opened, or holds no photos.
    """
    path = find_spelled(expand(photos).absolute())
    try:
        listing = list_unlabelled(path)
    except OSError as error:
        raise PhotosError(f"{photos} must be a folder of photos, and cannot be opened ({error.strerror}).") from error
    found = _photo_set(listing, _examine_files(listing), listing.classes)
    if not found.photos:
        raise PhotosError(f"The folder {photos} holds no photos.")
    distinct = {photo.digest: photo for photo in found.photos}
    return replace(found, photos=tuple(distinct[digest] for digest in sorted(distinct)))


Examined = list[tuple[CandidateFile, str | SkippedFile]]


def _examine_files(listing: Listing) -> Examined:
    """Each file whose name is text, with its digest or the reason for skipping it."""
    sound = [found for found in listing.found if _is_text(found.path)]
    return list(zip(sound, map_in_order(_examine, sound, workers=2), strict=True))


def _photo_set(listing: Listing, examined: Examined, classes: Sequence[str]) -> PhotoSet:
    label = {compose(name): number for number, name in enumerate(classes)}
    return PhotoSet(
        root=str(listing.root),
        classes=tuple(classes),
        photos=tuple(
            Photo(found.path, label[found.label], digest, found.split, found.group)
            for found, digest in examined
            if isinstance(digest, str)
        ),
        skipped=_collect_skipped(listing, [result for _, result in examined]),
        notes=listing.notes,
    )


def _list_photos(path: Path, arrangement: Arrangement) -> Listing:
    if not os.path.exists(path):
        raise PhotosError(f"There is nothing at {path}; the photos are {ARRANGEMENT}.")
    try:
        if os.path.isdir(path):
            return list_folder(path, arrangement)
        if path.suffix.lower() in (".csv", ".tsv"):
            return list_manifest(path, arrangement)
    except OSError as error:
        raise PhotosError(f"{error.filename or path} cannot be opened ({error.strerror}).") from error
    raise PhotosError(f"{path} is neither a folder nor a .csv file; the photos are {ARRANGEMENT}.")


def _examine(found: CandidateFile) -> str | SkippedFile:
    """The file's digest, or the reason for skipping it."""
    try:
        if found.file.suffix.lower() not in IMAGE_SUFFIXES:
            identify(found.file)
        with found.file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except UnreadableImageError as error:
        return SkippedFile(found.path, str(error))
    except OSError as error:
        return SkippedFile(found.path, f"It cannot be opened ({error.strerror}).")


def _collect_skipped(listing: Listing, results: Iterable[str | SkippedFile]) -> tuple[SkippedFile, ...]:
    misnamed = [found.path for found in listing.found if not _is_text(found.path)]
    every = [
        *listing.skipped,
        *(SkippedFile(path, _explain_name(path)) for path in misnamed),
        *(file for file in results if isinstance(file, SkippedFile)),
    ]
    return tuple(SkippedFile(_escape_name(file.path), file.reason) for file in every)


def _explain_name(name: str) -> str:
    is_broken = "\n" in name or "\r" in name
    return "Its name holds a line break: rename it." if is_broken else "Its name is not text in UTF-8: rename it."


def _is_text(name: str) -> bool:
    """Whether a name can be written to a report: file systems allow bytes that are not text, and line breaks."""
    return name == _escape_name(name)


def _escape_name(name: str) -> str:
    text = name.encode("utf-8", "backslashreplace").decode()
    return text.replace("\n", "\\n").replace("\r", "\\r")


def _check(path: Path, listing: Listing, photos: Sequence[CandidateFile]) -> tuple[str, ...]:
    """Every class needs a photo in train, and no split may have other classes; notes on those that a split lacks."""
    classes = listing.classes
    if not {"train", ""}.intersection(listing.splits):
        raise PhotosError(f"{path} has {' and '.join(listing.splits)} but no train split: add it.")
    if len(classes) < 2:
        raise PhotosError(_explain_one_class(path, listing))
    for name in classes:
        if not _is_text(name):
            raise PhotosError(f"The class name {_escape_name(name)!r} in {path} is not one line of text: rename it.")
    present = {split: {found.label for found in photos if found.split == split} for split in listing.splits}
    trained = present.pop("train" if "train" in present else "")
    empty = [name for name in classes if name not in trained]
    if empty:
        raise PhotosError(f"In {path}, class {_names(empty)} has no training photo: add some, or remove it.")
    notes: tuple[str, ...] = ()
    for split, names in present.items():
        if not names:
            raise PhotosError(_explain_empty_split(path, listing, split))
        notes += _check_split(path, split, names, set(classes))
    return notes


def _check_measured(path: Path, listing: Listing, photos: Sequence[CandidateFile]) -> None:
    """A model is measured on the test or val split where there is one; never on its training photos instead.

    Raises:
        PhotosError: that split holds no photo of a class.
    """
    measured = next((split for split in ("test", "val") if split in listing.splits), None)
    if measured is not None and not any(found.split == measured for found in photos):
        raise PhotosError(
            f"{_explain_empty_split(path, listing, measured)} To measure on other photos, name their folder."
        )


def _explain_empty_split(path: Path, listing: Listing, split: str) -> str:
    """A sentence about a split without photos of a class, and a way out."""
    lost = [file for file in listing.skipped if _lies_in(path, file, split)]
    if not lost:
        return f"In {path}, {split} holds no photo of a class: add some, or remove it."
    name = Path(lost[0].path).parts[0]
    if "pattern" in lost[0].reason:
        files = f"the pattern finds no label in the names of its {len(lost)} files"
    else:
        files = "its only file lies" if len(lost) == 1 else f"its {len(lost)} files lie"
        files += " in no class folder"
    return (
        f"In {path}, {name} holds no photo of a class: {files}, such as {lost[0].path}: sort them into class folders, "
        f"or keep {name} elsewhere, for `predict`."
    )


def _lies_in(path: Path, file: SkippedFile, split: str) -> bool:
    """Whether a skipped file lies in the folder of a split."""
    parts = Path(file.path).parts
    return path.is_dir() and len(parts) > 1 and split_named(parts[0]) == split


def _explain_faults(path: Path, faults: Sequence[SkippedFile]) -> str:
    """All faults of a manifest in one sentence."""
    first, *others = (file.reason for file in faults)
    if not others:
        return f"{path}, {first}"
    lines = [reason.partition(":")[0].split()[1] for reason in others[2:]]
    more = f"; the others are in line{'s' if len(lines) > 1 else ''} {shortened(lines, 40)}" if lines else ""
    return f"{path} has {len(faults)} faulty lines: {'; '.join([first, *others[:2]])}{more}."


def _check_split(path: Path, split: str, present: set[str], classes: set[str]) -> tuple[str, ...]:
    """A note, if the split lacks classes: official splits of real sets do."""
    extra, absent = sorted(present - classes), sorted(classes - present)
    if extra:
        raise PhotosError(
            f"In {path}, {split} has class {_names(extra)}, which train lacks: rename it, remove it, "
            "or add photos of it to train."
        )
    if absent:
        return (
            f"The {split} photos show none of class {_names(absent)}: its figures cannot be measured, and all others "
            "hold for the classes that are there.",
        )
    return ()


def _check_known(path: Path, photos: Sequence[CandidateFile], classes: Sequence[str]) -> None:
    unknown = sorted({found.label for found in photos} - {compose(name) for name in classes})
    if unknown:
        raise PhotosError(
            f"{path} has class {_names(unknown)}, which the model does not have; it has {_names(list(classes), 20)}: "
            "rename it, or leave it out."
        )
    if not photos:
        raise PhotosError(f"{path} holds no photos; they are {ARRANGEMENT}.")


def _explain_one_class(path: Path, listing: Listing) -> str:
    if not listing.classes:
        return f"{path} holds no class folders with photos; the photos are {ARRANGEMENT}."
    (only,) = listing.classes
    inner = {Path(found.path).parts[1] for found in listing.found if len(Path(found.path).parts) > 2}
    hint = f" Did you mean {path / only}?" if len(inner) > 1 and path.is_dir() else ""
    return f"{path} holds only one class, {only!r}; a classifier needs at least two.{hint}"


def _names(names: Sequence[str], shown: int = 5) -> str:
    more = f" (and {len(names) - shown} more)" if len(names) > shown else ""
    return ", ".join(map(repr, names[:shown])) + more
