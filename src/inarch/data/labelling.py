"""Labels from the names of files, or from folders further down."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from inarch.data.arrangement import Arrangement
from inarch.data.candidate_files import CandidateFile, Listing
from inarch.data.photos import SkippedFile
from inarch.data.spelling import compose


class FoundFile(NamedTuple):
    """A file that was found in a folder."""

    file: Path
    reason: str = ""
    """Why it cannot be a photo; empty if it can."""


def list_labelled(
    root: Path, split: str, files: Iterable[FoundFile], folder: Path, arrangement: Arrangement
) -> Listing:
    """Files with labels by a pattern of their names, or by the folder that is `Arrangement.depth` folders down.

    Args:
        root: the folder of all photos.
        split: of these files.
        files: everything in ``folder``.
        folder: the folder of the split, or ``root``.
        arrangement: has a pattern or a depth.
    """
    found: list[CandidateFile] = []
    skipped: list[SkippedFile] = []
    for file, reason in files:
        path, inner = file.relative_to(root).as_posix(), file.relative_to(folder)
        label = None if reason else _label_of(inner, arrangement)
        if label is not None:
            found.append(CandidateFile(file, path, label, split))
        else:
            skipped.append(SkippedFile(path, reason or _explain_no_label(arrangement)))
    classes = tuple(sorted({each.label for each in found}))
    notes = () if arrangement.depth is None else tuple(_merged_notes(found, folder, arrangement.depth))
    return Listing(root, classes, (split,), tuple(found), tuple(skipped), notes)


def _label_of(path: Path, arrangement: Arrangement) -> str | None:
    if arrangement.labels_from is None:
        depth = arrangement.depth or 1
        return compose(path.parts[depth - 1]) if len(path.parts) > depth else None
    text = path.as_posix() if "/" in arrangement.labels_from else path.name
    match = re.search(arrangement.labels_from, text)
    if match is None:
        return None
    return compose(match[1] if match.re.groups else match[0]) or None


def _explain_no_label(arrangement: Arrangement) -> str:
    if arrangement.labels_from is not None:
        return f"The pattern {arrangement.labels_from!r} finds no label in its name."
    return f"It lies outside the class folders, which are {arrangement.depth} folders down."


def _merged_notes(found: Sequence[CandidateFile], folder: Path, depth: int) -> Iterator[str]:
    """A note where folders of one name in different folders are one class."""
    places: dict[str, set[str]] = defaultdict(set)
    for photo in found:
        places[photo.label].add(Path(*photo.file.relative_to(folder).parts[:depth]).as_posix())
    merged = {label: sorted(paths) for label, paths in places.items() if len(paths) > 1}
    if merged:
        label, paths = next(iter(sorted(merged.items())))
        yield f"Folders of one name count as one class, such as {' and '.join(paths[:2])} for {label!r}."
