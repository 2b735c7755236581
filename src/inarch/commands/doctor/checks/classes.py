"""Faults of class folders: splits with different classes, confusable names, small classes, class imbalance."""

from collections.abc import Iterator

import numpy as np

from inarch.commands.doctor.checks.limits import LIMITS
from inarch.commands.doctor.records import Finding
from inarch.data.photos import UNEVEN, PhotoSet
from inarch.data.spelling import distinguish_names, find_look_alikes
from inarch.data.split import is_split, reported_split


def report_class_problems(photos: PhotoSet) -> Iterator[Finding]:
    """Findings about classes, from the readable photos."""
    splits = sorted({photo.split for photo in photos.photos})
    present = {split: {photos.classes[photo.label] for photo in photos.of_split(split)} for split in splits}
    yield from _mismatches(photos, present)
    yield from _names(photos)
    held = reported_split(photos)
    learned = [photo.label for photo in photos.photos if photo.split != held or len(splits) == 1]
    counts = np.bincount(np.array(learned, dtype=np.int64), minlength=len(photos.classes))
    for name, count in zip(photos.classes, counts.tolist(), strict=True):
        if count < LIMITS.few_photos and (len(splits) < 2 or count):
            noun = "photo" if count == 1 else "photos"
            needed = 2 if is_split(photos) else 3
            refused = f": training takes {needed} at least" if count < needed else ""
            yield Finding("few-photos", name, f"It has {count} readable training {noun}{refused}.")
    there = np.flatnonzero(counts)
    if not len(there):
        return
    most, fewest = int(counts.argmax()), int(there[counts[there].argmin()])
    if counts[most] >= UNEVEN * counts[fewest]:
        problem = f"It has {counts[fewest]} training photos, and {photos.classes[most]!r} has {counts[most]}."
        yield Finding("imbalance", photos.classes[fewest], problem)


def report_alike_classes(photos: PhotoSet) -> Iterator[Finding]:
    """Findings about classes that `merge_alike` divided."""
    for name in photos.divided:
        problem = "Its photos are near-duplicates or of one burst: test photos will resemble training photos."
        yield Finding("alike", name, problem)


def _mismatches(photos: PhotoSet, present: dict[str, set[str]]) -> Iterator[Finding]:
    if set(present) <= {""}:
        return
    if "train" not in present:
        yield Finding("class-mismatch", "", "There is no train split with readable photos.")
        return
    for name in sorted(set[str]().union(*present.values())):
        having = " and ".join(split for split, names in present.items() if name in names)
        lacking = " and ".join(split for split, names in present.items() if name not in names)
        if lacking:
            yield Finding("class-mismatch", name, f"This class has photos in {having} and none in {lacking}.")
    for name in sorted(set(photos.classes).difference(*present.values())):
        yield Finding("class-mismatch", name, "No split has a readable photo of this class.")


def _names(photos: PhotoSet) -> Iterator[Finding]:
    for name in photos.classes:
        if name != name.strip():
            yield Finding("class-name", name, "Its name begins or ends with a space, which training refuses.")
    for name, first in find_look_alikes(photos.classes):
        yield Finding("class-name", name, f"It is easily confused with {first!r}: {distinguish_names(first, name)}.")
