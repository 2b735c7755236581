"""Folders that are splits: by their names, and by the class folders that they share."""

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from inarch.data.decode import IMAGE_SUFFIXES
from inarch.data.listing import visible_entries
from inarch.data.spelling import compose
from inarch.errors import PhotosError

EVALUATION, UNLABELLED_SPLIT = "evaluation", "unlabelled"
ROLES: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(["train", "training", "trn", "trainval", "learn", "learning"], "train")
    | dict.fromkeys(
        ["val", "valid", "validation", "validate", "validating", "vali", "dev", "devel", "development"], "val"
    )
    | dict.fromkeys(["test", "testing", "tests", "tst", "holdout", "heldout"], "test")
    | dict.fromkeys(["eval", "evaluate", "evaluation"], EVALUATION)
    | dict.fromkeys(["pred", "predict", "prediction", "predictions", "unlabelled", "unlabeled"], UNLABELLED_SPLIT)
)
"""Words in the names of split folders; ``evaluation`` is the test split unless there is another."""
FILLERS = frozenset(
    [
        "data",
        "dataset",
        "files",
        "folder",
        "image",
        "images",
        "img",
        "imgs",
        "photos",
        "pics",
        "pictures",
        "seg",
        "set",
        "sets",
        "split",
        "the",
    ]
)
"""Words that say nothing about a folder."""
MOST_SPLITS = 4
"""More folders that look alike are classes, with equal folders in each."""


class SplitFolder(NamedTuple):
    """A folder whose photos are in one split; its label, if all of them have one."""

    folder: Path
    split: str
    label: str = ""


class FolderSplits(NamedTuple):
    """The split folders of a folder of photos, and the folders that are no part of them."""

    splits: tuple[SplitFolder, ...] = ()
    passed_over: tuple[Path, ...] = ()


def split_named(name: str, shared: Collection[str] = ()) -> str | None:
    """The split that a name means: ``Training``, ``seg_test``, ``valid set``; None if it means none.

    Args:
        name: of a folder, or a value in a manifest.
        shared: words that mean nothing because all names have them.
    """
    words = _words(name)
    roles = {ROLES[word] for word in words if word in ROLES}
    others = {word for word in words if word not in ROLES} - FILLERS - set(shared)
    return roles.pop() if len(roles) == 1 and not others else None


def _words(name: str) -> list[str]:
    """The words of a name in small letters: ``TrainSet_2`` has train and set."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    spaced = re.sub(r"(?i)(hold|held)[\W_]*out", r"\1out", spaced)
    words = [word.casefold() for word in re.findall(r"[^\W\d_]+", spaced)]
    endings = re.compile(r"(.{3,}?)(data)?(set|sets|data|images|imgs|photos|pictures)$")
    return [match[1] if (match := endings.match(word)) and match[1] in ROLES else word for word in words]


def resolve_evaluation(roles: Iterable[str]) -> str:
    """The split that ``eval`` means next to others: test, or val if there is a test split."""
    return "val" if "test" in set(roles) else "test"


def find_splits(root: Path, folders: Sequence[Path], *, is_asked: bool = False) -> FolderSplits:
    """The split folders among the folders of ``root``; none if they are class folders.

    A class may be called "train": next to "bus" and "car" it is one.

    Args:
        root: the folder of photos.
        folders: all folders in it.
        is_asked: whether the user said where the labels are, so that a name alone decides about splits.

    Raises:
        PhotosError: two folders mean one split, some folder fits to no other, or splits and classes cannot be
            distinguished.
    """
    named = _named_folders(root, folders)
    known = [each.folder for each in named]
    others = [folder for folder in folders if folder not in known]
    below = {folder: _class_names(folder) for folder in folders}
    roles = {each.split for each in named} - {UNLABELLED_SPLIT}
    structured = any(below[folder] for folder in known)
    if named and not others and roles and (structured or "train" in roles or len(named) == 1 or is_asked):
        return _distinct_splits(root, named)
    if others and "train" in roles and len(roles) > 1 and structured:
        if alike := [each for each in others if any(_share_classes(below[each], below[one]) for one in known)]:
            raise PhotosError(_explain_alike(root, [*known, *alike], below))
        raise PhotosError(
            f"{root} holds split folders ({', '.join(folder.name for folder in known)}) and also "
            f"{', '.join(repr(folder.name) for folder in others[:5])}: move these elsewhere, or move everything into "
            "class folders."
        )
    inside = _splits_inside(root, folders, is_asked=is_asked)
    if not inside and not is_asked:
        _refuse_alike(root, folders, known, below)
    return FolderSplits(inside)


def _named_folders(root: Path, folders: Iterable[Path]) -> list[SplitFolder]:
    """The folders whose names mean splits; ``eval`` is still ambiguous."""
    folders = list(folders)
    shared = set(_words(root.name)) if len(folders) > 1 else set()
    if len(folders) > 1:
        shared |= set.intersection(*(set(_words(folder.name)) for folder in folders))
    found = ((folder, split_named(folder.name, shared - ROLES.keys())) for folder in folders)
    return [SplitFolder(folder, split) for folder, split in found if split is not None]


def _distinct_splits(root: Path, named: Sequence[SplitFolder]) -> FolderSplits:
    """The named folders, each of them another split."""
    roles = [each.split for each in named]
    splits: dict[str, Path] = {}
    for folder, role, _ in named:
        split = resolve_evaluation(roles) if role == EVALUATION else role
        if split == UNLABELLED_SPLIT:
            continue
        if split in splits:
            raise PhotosError(
                f"{root} holds {splits[split].name} and {folder.name}, which mean the same split: "
                "merge them, or remove one."
            )
        splits[split] = folder
    passed_over = tuple(each.folder for each in named if each.split == UNLABELLED_SPLIT)
    return FolderSplits(tuple(SplitFolder(_unwrap(folder), split) for split, folder in splits.items()), passed_over)


def _unwrap(folder: Path) -> Path:
    """The folder, or the only one in it if that repeats its name or has a name that says nothing."""
    entries = visible_entries(folder)
    inner = [entry for entry in entries if os.path.isdir(entry)]
    if len(inner) != 1 or any(entry.suffix.lower() in IMAGE_SUFFIXES for entry in entries if entry not in inner):
        return folder
    words = set(_words(inner[0].name))
    repeats = bool(words) and words <= set(_words(folder.name)) | FILLERS
    return _unwrap(inner[0]) if repeats and _folders(inner[0]) else folder


def _folders(folder: Path) -> list[Path]:
    try:
        return [entry for entry in visible_entries(folder) if os.path.isdir(entry)]
    except OSError:  # it is listed among the skipped files when it is read
        return []


def _class_names(folder: Path) -> frozenset[str]:
    """The names of the folders in a folder that has no photos of its own, in small letters."""
    try:
        inner = _unwrap(folder)
        entries = visible_entries(inner)
    except OSError:
        return frozenset()
    if any(entry.suffix.lower() in IMAGE_SUFFIXES for entry in entries if not os.path.isdir(entry)):
        return frozenset()
    return frozenset(compose(entry.name).casefold() for entry in entries if os.path.isdir(entry))


def _share_classes(first: frozenset[str], second: frozenset[str]) -> bool:
    common = len(first & second)
    return common > 1 and 2 * common >= min(len(first), len(second))


def _splits_inside(root: Path, folders: Sequence[Path], *, is_asked: bool) -> tuple[SplitFolder, ...]:
    """The split folders inside of class folders, if every class has some."""
    found: list[SplitFolder] = []
    without: list[Path] = []
    for folder in folders:
        inner = _folders(folder)
        named = _named_folders(folder, inner)
        roles = {each.split for each in named}
        if not named or len(named) < len(inner) or roles == {UNLABELLED_SPLIT}:
            without.append(folder)
            continue
        splits, _ = _distinct_splits(folder, named)
        found += [each._replace(label=compose(folder.name)) for each in splits]
    roles = {each.split for each in found}
    if "train" not in roles or len(roles) < 2 or len(folders) < 2:
        return ()
    if without and not is_asked:
        raise PhotosError(
            f"In {root}, {found[0].label!r} has the split folders {' and '.join(sorted(roles))} inside, and "
            f"{without[0].name!r} has not: split every class, or say --depth 1, and all photos of a class count alike."
        )
    return () if without else tuple(found)


def _refuse_alike(
    root: Path, folders: Sequence[Path], known: Sequence[Path], below: Mapping[Path, frozenset[str]]
) -> None:
    """Refuse folders that look like splits, because the same class folders are in each."""
    for folder in known:
        if alike := [each for each in folders if each != folder and _share_classes(below[each], below[folder])]:
            raise PhotosError(_explain_alike(root, [folder, *alike], below))
    if not 1 < len(folders) <= MOST_SPLITS:
        return
    first, *rest = folders
    has_words = any(not any(sign.isdigit() for sign in name) for name in below[first])
    if has_words and all(_share_classes(below[first], below[each]) for each in rest):
        raise PhotosError(_explain_alike(root, folders, below))


def _explain_alike(root: Path, folders: Sequence[Path], below: Mapping[Path, frozenset[str]]) -> str:
    names = " and ".join(repr(folder.name) for folder in folders[:MOST_SPLITS])
    common = sorted(frozenset.intersection(*(below[each] for each in folders if below[each])))
    return (
        f"In {root}, {names} hold the same folders ({', '.join(common[:5])}{', …' if len(common) > 5 else ''}): if "
        f"{names} are splits, name them train, val and test; if they are the classes, say --depth 1; if the folders in "
        "them are the classes, and there are no splits, say --depth 2."
    )
