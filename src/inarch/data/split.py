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


def split(photos: PhotoSet, *, seed: int, held_out: float = 0.2) -> PhotoSet:
    """Give every photo a split: the user's own if there are any, else ``train`` and ``test``.

    Ours is drawn within each class. Copies of one file stay together, and so do photos of one group. It depends only on
    the seed and the files' bytes: names and order do not matter.

    Args:
        photos: with splits for all photos or for none; ``train`` alone counts as none.
        seed: of the split.
        held_out: the fraction of ``test``, in (0, 1); every class has at least one photo on either side.

    Raises:
        PhotosError: a class has too few photos, or all of them are in one group.
    """
    if not 0 < held_out < 1:
        raise UserError(f"The test fraction is between 0 and 1; {held_out} was asked for.")
    if {photo.split for photo in photos.photos} - {"", "train"}:
        _require_training_photos(photos)
        return photos
    _require_two_photos(photos)
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
    """The photos that measure a trained model: the test split or else the val split, and its name; else ``all``."""
    name = reported_split(photos)
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


def _require_training_photos(photos: PhotoSet) -> None:
    counts = Counter(photo.label for photo in photos.of_split("train"))
    for label, name in enumerate(photos.classes):
        if not counts[label]:
            raise PhotosError(f"Class {name!r} has no photo in train; add some there, or remove the class.")


def _require_two_photos(photos: PhotoSet) -> None:
    digests: dict[int, set[str]] = defaultdict(set)
    for photo in photos.photos:
        digests[photo.label].add(photo.digest)
    for label, name in enumerate(photos.classes):
        count = len(digests[label])
        if count < 2:
            raise PhotosError(
                f"Class {name!r} has {'one photo' if count else 'no photo'}; it needs one for training and another for "
                "testing (copies of one file count once): add photos, or remove the class."
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
            f"Class {name!r} cannot be split: its groups must not be divided, and none of them can be used for "
            "testing; add photos of other groups, or name the splits yourself."
        )
    return min(fitting, key=lambda number: counts[number].total())
