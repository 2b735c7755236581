"""Photos in folders: class folders, train, val and test with class folders in each, or no labels at all."""

import os
from collections.abc import Iterator
from pathlib import Path

from inarch.data.arrangement import USUAL, Arrangement
from inarch.data.candidate_files import SPLITS, CandidateFile, Listing
from inarch.data.decode import identify
from inarch.data.labelling import FoundFile, list_labelled
from inarch.data.listing import visible_entries
from inarch.data.passed_over import is_passed_over
from inarch.data.photos import SkippedFile
from inarch.data.spelling import compose
from inarch.data.split_names import FolderSplits, SplitFolder, find_splits
from inarch.errors import PhotosError, UnreadableImageError

UNLABELLED = "unlabelled"
"""The only class of photos without labels."""


def list_folder(root: Path, arrangement: Arrangement = USUAL) -> Listing:
    """Every file of the class folders in ``root``, or of those in its train, val and test.

    Raises:
        PhotosError: there are no class folders, or the splits are mixed up with something else.
        OSError: the folder cannot be opened.
    """
    entries = visible_entries(root)
    folders = [entry for entry in entries if os.path.isdir(entry)]
    if not folders and arrangement.labels_from is None:
        raise PhotosError(_no_folders(root, entries))
    is_asked = arrangement.depth is not None or arrangement.labels_from is not None
    found = find_splits(root, folders, is_asked=is_asked)
    listing = _list_splits(root, entries, found, arrangement) if found.splits else _list(root, "", root, arrangement)
    if found.splits and not listing.classes and not listing.found:
        _require_class_folders(root, found)
    is_plain = not is_asked and not any(each.label for each in found.splits)
    return listing._replace(notes=(*listing.notes, *_depth_notes(listing))) if is_plain else listing


def _list(root: Path, split: str, folder: Path, arrangement: Arrangement) -> Listing:
    """Every file of one folder of class folders, or of one whose labels are elsewhere."""
    if arrangement.labels_from is None and arrangement.depth in (None, 1):
        return _class_folders(root, folder, split)
    return list_labelled(root, split, _walk(folder, set()), folder, arrangement)


def _list_splits(root: Path, entries: list[Path], found: FolderSplits, arrangement: Arrangement) -> Listing:
    """Every file of the split folders."""
    if any(each.label for each in found.splits):
        listings = [_inside_class(root, each) for each in found.splits]
    else:
        listings = [_list(root, each.split, each.folder, arrangement) for each in found.splits]
    ours = [each.folder for each in found.splits]
    beside = [_skip(root, entry, "It lies outside the split folders.") for entry in _outside(root, entries, ours)]
    beside += [
        _skip(root, entry, f"It lies in {folder.name!r}, which is named like photos without labels.")
        for folder in found.passed_over
        for entry in [file for file, _ in _walk(folder, set())]
    ]
    return Listing(
        root,
        tuple(sorted({name for listing in listings if listing.splits == ("train",) for name in listing.classes})),
        tuple(dict.fromkeys(each.split for each in found.splits)),
        tuple(photo for listing in listings for photo in listing.found),
        (*beside, *(skipped for listing in listings for skipped in listing.skipped)),
        tuple(_say_splits(root, found)) + tuple(note for listing in listings for note in listing.notes),
    )


def _outside(root: Path, entries: list[Path], splits: list[Path]) -> Iterator[Path]:
    """The files above the split folders."""
    above = {parent for split in splits for parent in split.parents if parent.is_relative_to(root)}
    for folder in sorted(above):
        for entry in entries if folder == root else visible_entries(folder):
            if not os.path.isdir(entry):
                yield entry


def _say_splits(root: Path, found: FolderSplits) -> Iterator[str]:
    """A note about split folders that have other names than ours, or are inside of the class folders."""
    if any(each.label for each in found.splits):
        inner = sorted({each.folder.relative_to(root).parts[1] for each in found.splits})
        yield f"The folders {', '.join(inner)} in each class folder were read as splits."
        return
    other = [each for each in found.splits if SPLITS.get(each.folder.relative_to(root).as_posix().lower()) is None]
    if other:
        pairs = (f"{_relative(root, each.folder)} as {each.split}" for each in found.splits)
        yield f"Folders were read as splits by their names: {', '.join(pairs)}."


def _inside_class(root: Path, place: SplitFolder) -> Listing:
    """Every file of a split folder inside of a class folder."""
    found, skipped = [], []
    for file, reason in _walk(place.folder, set()):
        if reason:
            skipped.append(_skip(root, file, reason))
        else:
            found.append(CandidateFile(file, _relative(root, file), place.label, place.split))
    return Listing(root, (place.label,), (place.split,), tuple(found), tuple(skipped))


def _require_class_folders(root: Path, found: FolderSplits) -> None:
    """Refuse split folders without class folders.

    Raises:
        PhotosError: photos lie in them.
    """
    names = " and ".join(each.folder.name for each in found.splits)
    images = (entry for each in found.splits for entry in visible_entries(each.folder) if _is_image(entry))
    if (first := min(images, key=lambda entry: not any(map(str.isalpha, entry.stem)), default=None)) is not None:
        raise PhotosError(
            f"{root} holds the split folders {names}, and no class folders are in them: put the photos of each class "
            f"into a folder, or, if names such as {first.name!r} hold the labels, say --labels-from PATTERN."
        )


def _depth_notes(listing: Listing) -> Iterator[str]:
    """A note where the class folders hold folders only, which may be the classes."""
    inner: set[tuple[str, str]] = set()
    for photo in listing.found:
        below = photo.file.relative_to(listing.root).parts
        at = below.index(photo.label) + 1 if photo.label in below else len(below)
        if len(below) <= at + 1:
            return
        inner.add((photo.label, below[at]))
    if len(inner) > len(listing.classes) > 0 and len({label for label, _ in inner}) < len(inner):
        yield (
            f"The class folders hold folders only: {len(inner)} folders below count as {len(listing.classes)} classes. "
            "If those are the classes, say --depth 2."
        )


def list_unlabelled(root: Path) -> Listing:
    """Every file below ``root``, in any arrangement: the names of folders are ignored.

    Raises:
        OSError: the folder cannot be opened.
    """
    os.listdir(root)
    walked = [(entry, _relative(root, entry.file)) for entry in _walk(root, set())]
    return Listing(
        root,
        (UNLABELLED,),
        ("",),
        tuple(CandidateFile(entry.file, path, UNLABELLED) for entry, path in walked if not entry.reason),
        tuple(SkippedFile(path, entry.reason) for entry, path in walked if entry.reason),
    )


def _class_folders(root: Path, parent: Path, split: str) -> Listing:
    """Every file of the class folders in ``parent``."""
    found, skipped, classes = [], [], []
    status = root.stat()
    for entry in visible_entries(parent):
        if not os.path.isdir(entry):
            skipped.append(_skip(root, entry, "It lies outside the class folders."))
            continue
        label = compose(entry.name)
        classes.append(label)
        for file, reason in _walk(entry, {(status.st_dev, status.st_ino)}):
            if reason:
                skipped.append(_skip(root, file, reason))
            else:
                found.append(CandidateFile(file, _relative(root, file), label, split))
    return Listing(root, tuple(sorted(set(classes))), (split,), tuple(found), tuple(skipped))


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[FoundFile]:
    """Every file under ``folder``, links followed; a folder that links lead to twice is read once."""
    try:
        status = folder.stat()
        entries = visible_entries(folder)
    except OSError as error:
        yield FoundFile(folder, f"The folder cannot be opened ({error.strerror}).")
        return
    here = (status.st_dev, status.st_ino)
    if here in seen:
        yield FoundFile(folder, "The link leads to a folder that was read already.")
        return
    seen.add(here)
    for entry in entries:
        if os.path.isdir(entry):
            yield from _walk(entry, seen)
        else:
            yield FoundFile(entry, "" if os.path.isfile(entry) else "It is neither a file nor a folder; a broken link?")


def hidden_entries(root: Path) -> Iterator[tuple[str, int | None]]:
    """Everything below ``root`` that is skipped because of its name, with the number of files in a hidden folder.

    Links to folders are not followed, and the content of a hidden folder is not listed itself.
    """
    for folder, folders, files in os.walk(root):
        for name in sorted(filter(is_passed_over, folders)):
            held = sum(len(inner) for _, _, inner in os.walk(os.path.join(folder, name)))
            yield _relative(root, Path(folder, name)), held
        for name in sorted(filter(is_passed_over, files)):
            yield _relative(root, Path(folder, name)), None
        folders[:] = sorted(name for name in folders if not is_passed_over(name))


def _relative(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix()


def _skip(root: Path, entry: Path, reason: str) -> SkippedFile:
    return SkippedFile(_relative(root, entry), reason)


def _no_folders(root: Path, entries: list[Path]) -> str:
    """Why a folder without folders cannot be used."""
    if any(_is_image(entry) for entry in entries):
        return (
            f"{root} holds photos but no class folders: put them into one folder for each class "
            f"({root.name}/cat/..., {root.name}/dog/...), list them in a CSV manifest (path,label), or say "
            "--labels-from PATTERN if their names hold the labels."
        )
    return f"{root} holds no photos: it needs one folder of photos for each class."


def _is_image(entry: Path) -> bool:
    try:
        identify(entry)
    except UnreadableImageError:
        return False
    return True
