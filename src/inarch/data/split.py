"""Train and test sets that share nothing: no file twice, no group on both sides, every class on both."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inarch.data.grouping import units
from inarch.data.labels import PhotoLabels
from inarch.data.photos import Photo, PhotoSet
from inarch.errors import PhotosError, UserError
from inarch.report.wording import shortened


def split(photos: PhotoSet, *, seed: int, held_out: float = 0.2) -> PhotoSet:
    """Give every photo a split: the user's own if there are any, else ``train`` and ``test``.

    Ours is drawn within each class. Copies of one file stay together, and so do photos of one group. It depends only on
    the seed and the files' bytes: names and order do not matter.

    Args:
        photos: with splits for all photos or for none; ``train`` alone counts as none.
        seed: of the split.
        held_out: the fraction of ``test``, in (0, 1); every class has at least one photo on either side.

    Raises:
        PhotosError: classes have too few photos, or groups that cannot be on both sides.
    """
    if not 0 < held_out < 1:
        raise UserError(f"The test fraction is between 0 and 1; {held_out} was asked for.")
    _require_enough_photos(photos)
    if is_split(photos):
        return photos
    test = _choose_held_out(photos, seed, held_out)
    return replace(
        photos,
        photos=tuple(
            replace(photo, split="test" if index in test else "train") for index, photo in enumerate(photos.photos)
        ),
    )


def reported_split(photos: PhotoSet) -> str:
    """The test set: the split ``test`` or, without one, ``val``. All other photos are for training."""
    return "test" if any(photo.split == "test" for photo in photos.photos) else "val"


def evaluation_photos(photos: PhotoSet) -> tuple[str, tuple[Photo, ...]]:
    """The photos that measure a trained model: the test split or else the val split, and its name; else ``all``.

    Raises:
        PhotosError: all of them are training photos.
    """
    name = reported_split(photos)
    if {photo.split for photo in photos.photos} == {"train"}:
        raise PhotosError(
            f"{photos.root} holds training photos only, and a model is not measured on those unasked: add a test or "
            "val split, or name the folder train itself."
        )
    own = photos.of_split(name)
    return (name, own) if own else ("all", photos.photos)


def training_photos(photos: PhotoSet) -> tuple[Photo, ...]:
    """The training photos."""
    held = reported_split(photos)
    return tuple(photo for photo in photos.photos if photo.split != held)


def counts_by_split(photos: PhotoSet) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Every split (empty for photos without one), with the number of photos of each class."""
    counts = []
    for name in ("", "train", "val", "test"):
        labels = np.array([photo.label for photo in photos.of_split(name)], dtype=np.int64)
        if len(labels):
            counts.append((name, tuple(np.bincount(labels, minlength=len(photos.classes)).tolist())))
    return tuple(counts)


def groups_of(photos: Sequence[Photo]) -> NDArray[np.intp]:
    """The number of each photo's group: a user's, else of the copies of one file, (n,)."""
    return np.unique([photo.unit for photo in photos], return_inverse=True)[1]


def labels_of(photos: PhotoSet) -> PhotoLabels:
    """Classes and groups of all photos of a set."""
    labels = np.array([photo.label for photo in photos.photos], dtype=np.int64)
    return PhotoLabels(labels, groups_of(photos.photos), len(photos.classes))


def count_groups(labels: NDArray[np.integer], groups: NDArray[np.generic], classes: int) -> list[int]:
    """The number of groups with photos of each class."""
    return [len(np.unique(groups[labels == label])) for label in range(classes)]


def is_split(photos: PhotoSet) -> bool:
    """Whether the user has split them; ``train`` alone counts as no split."""
    return bool({photo.split for photo in photos.photos} - {"", "train"})


def classes_too_small(photos: PhotoSet) -> list[tuple[int, int]]:
    """The classes with fewer photos than training takes, as labels, each with the number that counts.

    Copies of one file and photos of one group count once. Two for each class are needed for cross-validation, and a
    third one as a test photo where the user has not split them.
    """
    learned, needed = (training_photos(photos), 2) if is_split(photos) else (photos.photos, 3)
    own = labels_of(replace(photos, photos=learned))
    counts = count_groups(own.labels, own.groups, len(photos.classes))
    return [(label, count) for label, count in enumerate(counts) if count < needed]


def _require_enough_photos(photos: PhotoSet) -> None:
    small = classes_too_small(photos)
    if not small:
        return
    if is_split(photos):
        needed = "two different training photos of every class, for cross-validation"
    else:
        needed = "three different photos of every class: two for training, with cross-validation, and one for testing"
    shown = shortened([f"{photos.classes[label]!r} ({count})" for label, count in small])
    raise PhotosError(
        f"It takes {needed}. Too few {'has' if len(small) == 1 else 'have'} {shown}; copies of one file and photos "
        "of one group count once. Add photos, remove these classes, or leave them out by --min-photos "
        f"{2 if is_split(photos) else 3}."
    )


def leave_out_small_classes(photos: PhotoSet, fewest: int) -> PhotoSet:
    """The photos without the classes that have fewer than ``fewest`` different files for training.

    Raises:
        PhotosError: fewer than two classes are left.
    """
    files = defaultdict[int, set[str]](set)
    for photo in training_photos(photos) if is_split(photos) else photos.photos:
        files[photo.label].add(photo.digest)
    kept = [label for label in range(len(photos.classes)) if len(files[label]) >= fewest]
    if len(kept) == len(photos.classes):
        return photos
    if len(kept) < 2:
        most = max(map(len, files.values()), default=0)
        raise PhotosError(
            f"{'One class has' if kept else 'No class has'} {fewest} different training photos (the largest has "
            f"{most}), and training takes two classes: lower --min-photos, or add photos."
        )
    return replace(
        photos,
        classes=tuple(photos.classes[label] for label in kept),
        photos=tuple(replace(each, label=kept.index(each.label)) for each in photos.photos if each.label in kept),
        left_out=tuple(name for label, name in enumerate(photos.classes) if label not in kept),
    )


def _choose_held_out(photos: PhotoSet, seed: int, share: float) -> set[int]:
    """The indices of the test photos."""

    def order(unit: Sequence[int]) -> str:
        return min(hashlib.sha256(f"{seed}:{photos.photos[i].digest}".encode()).hexdigest() for i in unit)

    together = sorted(units(photos.photos), key=order)
    counts = [Counter(photos.photos[i].label for i in unit) for unit in together]
    total = sum(counts, Counter())
    aim = {label: min(max(1, round(share * n)), n - 1) for label, n in total.items()}
    taken: Counter[int] = Counter()
    chosen: set[int] = set()
    for number, count in enumerate(counts):
        if all(taken[label] + n <= aim[label] for label, n in count.items()):
            chosen.add(number)
            taken += count
    for label in sorted(aim):
        if not taken[label]:  # each of its units exceeds the fraction: take the smallest
            number = _smallest_unit(photos.classes[label], label, counts, total - taken, chosen)
            chosen.add(number)
            taken += counts[number]
    return {i for number in chosen for i in together[number]}


def _smallest_unit(name: str, label: int, counts: Sequence[Counter[int]], left: Counter[int], chosen: set[int]) -> int:
    """The smallest unit with photos of a class that leaves training photos of each of its classes."""
    fitting = [
        number
        for number, count in enumerate(counts)
        if count[label] and number not in chosen and all(left[other] > n for other, n in count.items())
    ]
    if not fitting:
        raise PhotosError(
            f"Class {name!r} cannot be split: its groups (--group-by, a group column, near-duplicates of photos of "
            "other classes) must not be divided, and none of them can be used for testing. Add photos of other groups, "
            "name the splits yourself, or use --no-near-duplicates."
        )
    return min(fitting, key=lambda number: counts[number].total())
