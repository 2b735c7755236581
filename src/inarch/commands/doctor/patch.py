"""Patches: the user's decisions about single photos, one a line, in a CSV file.

``path,decision,label,why``: the decision is ``keep``, ``drop`` or ``relabel``. To relabel, a label is required; with
``keep`` it is a suggestion without effect. ``why`` is for people. Photos without a line stay unchanged.
"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from inarch.commands.doctor.records import ACTIONS, Decision
from inarch.data.photos import PhotoSet
from inarch.data.spelling import compose
from inarch.errors import PhotosError, UnknownNameError

COLUMNS = ("path", "decision", "label", "why")


def to_patch(decisions: Iterable[Decision]) -> str:
    """The text of a patch file."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    lines.writerows((each.path, each.action, each.label, each.why) for each in decisions)
    return text.getvalue()


def read_patch(patch: Path, photos: PhotoSet) -> tuple[Decision, ...]:
    """The decisions of a patch file, checked against the photos.

    Raises:
        PhotosError: the file cannot be read, or a line is wrong; the message names the line and its fault.
    """
    decisions: dict[str, tuple[int, Decision]] = {}
    paths = [*(photo.path for photo in photos.photos), *(file.path for file in photos.skipped)]
    known = {compose(path): path for path in paths} | {path: path for path in paths}
    for line, row in _rows(patch):
        try:
            decision = _decision(row, known, photos.classes)
            if decision.path in decisions:
                raise PhotosError(f"{decision.path!r} is decided already, in line {decisions[decision.path][0]}.")
        except (PhotosError, UnknownNameError) as error:
            raise PhotosError(f"{patch}, line {line}: {error}") from error
        decisions[decision.path] = (line, decision)
    return tuple(decision for _, decision in decisions.values())


def apply_decisions(photos: PhotoSet, decisions: Iterable[Decision]) -> PhotoSet:
    """The photos after every decision: some are dropped, some have another class."""
    by_path = {decision.path: decision for decision in decisions}
    kept = []
    for photo in photos.photos:
        decision = by_path.get(photo.path)
        if decision is not None and decision.action == "relabel":
            kept.append(replace(photo, label=photos.classes.index(decision.label)))
        elif decision is None or decision.action == "keep":
            kept.append(photo)
    return replace(photos, photos=tuple(kept))


def _rows(patch: Path) -> list[tuple[int, list[str]]]:
    try:
        with patch.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = tuple(next(reader, ()))
            if header != COLUMNS:
                raise PhotosError(
                    f"{patch}, line 1: a patch begins with {','.join(COLUMNS)}; found: {','.join(header) or 'nothing'}."
                )
            return [(reader.line_num, row) for row in reader if row]
    except OSError as error:
        raise PhotosError(f"The patch {patch} cannot be opened ({error.strerror or error}).") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise PhotosError(f"{patch} is not a CSV file in UTF-8 ({error}).") from error


def _decision(row: list[str], known: Mapping[str, str], classes: Sequence[str]) -> Decision:
    """The decision of a row; ``known`` gives the photos' paths by what may be written for them."""
    if len(row) != len(COLUMNS):
        raise PhotosError(f"there are {len(row)} values; {','.join(COLUMNS)} are needed (quote values with a comma).")
    path, action, label, why = row
    decision = Decision(known.get(path) or known.get(compose(path), path), action, compose(label), why)
    if decision.path not in known:
        raise UnknownNameError("photo", decision.path, known)
    if decision.action not in ACTIONS:
        raise UnknownNameError("decision", decision.action, ACTIONS)
    if decision.action == "drop" and decision.label:
        raise PhotosError("a photo that is dropped has no label: leave it empty, or relabel.")
    if decision.label and decision.label not in classes:
        raise UnknownNameError("class", decision.label, classes)
    if decision.action == "relabel" and not decision.label:
        raise PhotosError("relabel needs a label.")
    return decision
