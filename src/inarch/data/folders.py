"""Photos in folders: class folders, train, val and test with class folders in each, or no labels at all."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from inarch.data.candidate_files import SPLITS, CandidateFile, Listing
from inarch.data.decode import identify
from inarch.data.passed_over import is_bundle, is_passed_over
from inarch.data.photos import SkippedFile
from inarch.data.spelling import compose
from inarch.errors import PhotosError, UnreadableImageError

UNLABELLED = "unlabelled"
"""The only class of photos without labels."""


def list_folder(root: Path) -> Listing:
    """Every file of the class folders in ``root``, or of those in its train, val and test.

    Raises:
        PhotosError: there are no class folders, or the splits are mixed up with something else.
        OSError: the folder cannot be opened.
    """
    entries = _visible(root)
    folders = [entry for entry in entries if os.path.isdir(entry)]
    if not folders:
        raise PhotosError(_no_folders(root, entries))
    splits = _splits(root, folders)
    if not splits:
        return _class_folders(root, root, "")
    listings = {split: _class_folders(root, folder, split) for split, folder in splits.items()}
    beside = [_skip(root, entry, "It lies outside the split folders.") for entry in entries if entry not in folders]
    return Listing(
        root,
        listings["train"].classes if "train" in listings else (),
        tuple(splits),
        tuple(found for listing in listings.values() for found in listing.found),
        (*beside, *(skipped for listing in listings.values() for skipped in listing.skipped)),
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


def _splits(root: Path, folders: list[Path]) -> dict[str, Path]:
    """The split folders by our names for them; none where ``root`` holds class folders.

    A class may be called "train": next to "bus" and "car" it is one.
    """
    splits: dict[str, Path] = {}
    others = [folder.name for folder in folders if folder.name.lower() not in SPLITS]
    for folder in folders:
        split = SPLITS.get(folder.name.lower())
        if split in splits:
            raise PhotosError(
                f"{root} holds {splits[split].name} and {folder.name}, which mean the same split: "
                "merge them, or remove one."
            )
        if split is not None:
            splits[split] = folder
    if others and ("train" not in splits or len(splits) == 1):
        return {}
    if others:
        raise PhotosError(
            f"{root} holds split folders ({', '.join(folder.name for folder in splits.values())}) and also "
            f"{', '.join(map(repr, others[:5]))}: move these elsewhere, or move everything into class folders."
        )
    return splits


def _class_folders(root: Path, parent: Path, split: str) -> Listing:
    """Every file of the class folders in ``parent``."""
    found, skipped, classes = [], [], []
    status = root.stat()
    for entry in _visible(parent):
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


class _Entry(NamedTuple):
    file: Path
    reason: str = ""
    """Why it cannot be a photo; empty if it can."""


def _walk(folder: Path, seen: set[tuple[int, int]]) -> Iterator[_Entry]:
    """Every file under ``folder``, links followed; a folder that links lead to twice is read once."""
    try:
        status = folder.stat()
        entries = _visible(folder)
    except OSError as error:
        yield _Entry(folder, f"The folder cannot be opened ({error.strerror}).")
        return
    here = (status.st_dev, status.st_ino)
    if here in seen:
        yield _Entry(folder, "The link leads to a folder that was read already.")
        return
    seen.add(here)
    for entry in entries:
        if os.path.isdir(entry):
            yield from _walk(entry, seen)
        else:
            yield _Entry(entry, "" if os.path.isfile(entry) else "It is neither a file nor a folder; a broken link?")


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


def _visible(folder: Path) -> list[Path]:
    entries = [folder / name for name in sorted(os.listdir(folder)) if not is_passed_over(name)]
    return [entry for entry in entries if not is_bundle(entry)]


def _relative(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix()


def _skip(root: Path, entry: Path, reason: str) -> SkippedFile:
    return SkippedFile(_relative(root, entry), reason)


def _no_folders(root: Path, entries: list[Path]) -> str:
    """Why a folder without folders cannot be used."""
    if any(_is_image(entry) for entry in entries):
        return (
            f"{root} holds photos but no class folders: put them into one folder for each class "
            f"({root.name}/cat/..., {root.name}/dog/...), or list them in a CSV manifest (path,label)."
        )
    return f"{root} holds no photos: it needs one folder of photos for each class."


def _is_image(entry: Path) -> bool:
    try:
        identify(entry)
    except UnreadableImageError:
        return False
    return True
