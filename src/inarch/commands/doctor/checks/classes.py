"""What the class folders tell: splits that disagree, confusable names, classes too small or too uneven."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from inarch.commands.doctor.records import Finding
from inarch.data.photos import UNEVEN, PhotoSet
from inarch.data.split import reported_split

FEW = 10
"""Photos to learn from, below which figures for a class mean nothing."""


def report_class_problems(photos: PhotoSet) -> Iterator[Finding]:
    """Findings about classes, by the photos that can be read."""
    splits = sorted({photo.split for photo in photos.photos})
    present = {split: {photos.classes[photo.label] for photo in photos.of_split(split)} for split in splits}
    yield from _mismatches(photos, present)
    yield from _names(photos)
    held = reported_split(photos)
    learned = [photo.label for photo in photos.photos if photo.split != held or len(splits) == 1]
    counts = np.bincount(np.array(learned, dtype=np.int64), minlength=len(photos.classes))
    for name, count in zip(photos.classes, counts.tolist(), strict=True):
        if count < FEW and (len(splits) < 2 or count):
            noun = "photo" if count == 1 else "photos"
            refused = ": with fewer than two there is no training" if count < 2 else ""
            yield Finding("few-photos", name, f"It has {count} readable {noun} to learn from{refused}.")
    there = np.flatnonzero(counts)
    if not len(there):
        return
    most, fewest = int(counts.argmax()), int(there[counts[there].argmin()])
    if counts[most] >= UNEVEN * counts[fewest]:
        problem = f"It has {counts[fewest]} photos to learn from, and {photos.classes[most]!r} has {counts[most]}."
        yield Finding("imbalance", photos.classes[fewest], problem)


def _mismatches(photos: PhotoSet, present: dict[str, set[str]]) -> Iterator[Finding]:
    if set(present) <= {""}:
        return
    if "train" not in present:
        yield Finding("class-mismatch", "", "There is no train split with readable photos to learn from.")
        return
    for name in sorted(set[str]().union(*present.values())):
        having = " and ".join(split for split, names in present.items() if name in names)
        lacking = " and ".join(split for split, names in present.items() if name not in names)
        if lacking:
            yield Finding("class-mismatch", name, f"There are photos of this class in {having}, and none in {lacking}.")
    for name in sorted(set(photos.classes).difference(*present.values())):
        yield Finding("class-mismatch", name, "No split has a readable photo of this class.")


def _names(photos: PhotoSet) -> Iterator[Finding]:
    alike: dict[str, list[str]] = defaultdict(list)
    for name in photos.classes:
        alike["".join(filter(str.isalnum, name.casefold())) or name].append(name)
        if name != name.strip():
            yield Finding("class-name", name, "Its name begins or ends with a space, which training refuses.")
    for first, *others in alike.values():
        for name in others:
            yield Finding("class-name", name, f"It differs from {first!r} by capitals, spaces or signs alone.")
