"""Train and held-out photos that share nothing: no file twice, no group on both sides, no class left out."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from inarch.data.grouping import units
from inarch.data.photos import Photo, PhotoSet
from inarch.errors import PhotosError, UserError


def split(photos: PhotoSet, *, seed: int, held_out: float = 0.2) -> PhotoSet:
    """Give every photo a split: the user's own where there are any, else ``train`` and ``test``.

    Ours is drawn within each class. Files of the same bytes stay together, and so do photos of one group. It follows
    from the seed and the files' bytes alone: names and order do not matter.

    Args:
        photos: with splits for all photos or for none; ``train`` alone is split as if it were none.
        seed: another one gives another split.
        held_out: the share of ``test``, in (0, 1); every class has at least one photo on either side.

    Raises:
        PhotosError: a class has too few photos, or all of them belong together.
    """
    if not 0 < held_out < 1:
        raise UserError(f"The held-out share lies between 0 and 1; {held_out} was asked for.")
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
    """The split that figures are reported on: ``test`` or, where there is none, ``val``. All else is learned from."""
    return "test" if any(photo.split == "test" for photo in photos.photos) else "val"


def evaluation_photos(photos: PhotoSet) -> tuple[str, tuple[Photo, ...]]:
    """What a trained net is judged on: the test split or else the val split, and its name; else ``all`` photos."""
    name = reported_split(photos)
    own = photos.of_split(name)
    return (name, own) if own else ("all", photos.photos)


def training_photos(photos: PhotoSet) -> tuple[Photo, ...]:
    """The photos that are learned from."""
    held = reported_split(photos)
    return tuple(photo for photo in photos.photos if photo.split != held)


def counts_by_split(photos: PhotoSet) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Every split that there is (empty for photos without one), and how many photos of each class it has."""
    counts = []
    for name in ("", "train", "val", "test"):
        labels = np.array([photo.label for photo in photos.of_split(name)], dtype=np.int64)
        if len(labels):
            counts.append((name, tuple(np.bincount(labels, minlength=len(photos.classes)).tolist())))
    return tuple(counts)


def groups_of(photos: Sequence[Photo]) -> NDArray[np.intp]:
    """For every photo the number of its group: a user's, else of the copies of one file."""
    return np.unique([photo.unit for photo in photos], return_inverse=True)[1]


Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


def folds(labels: NDArray[np.integer], *, k: int, seed: int, groups: NDArray[np.generic] | None = None) -> list[Fold]:
    """k stratified folds: for each the indices to train on and those held out.

    Args:
        labels: class of each photo, (n,).
        k: how many folds.
        seed: another one gives other folds.
        groups: photos of one group are held out together, (n,); without it, each by itself.

    Raises:
        UserError: a class has fewer than k photos (or groups), so that a fold would go without it.
    """
    own = np.arange(len(labels)) if groups is None else np.asarray(groups)
    is_grouped = len(np.unique(own)) < len(own)
    rarest = min((len(np.unique(own[labels == label])) for label in np.unique(labels)), default=0)
    if not 2 <= k <= rarest:
        noun = "groups" if is_grouped else "photos"
        raise UserError(f"{k} folds need at least 2 and {k} {noun} of every class; the rarest class has {rarest}.")
    if is_grouped:
        return list(StratifiedGroupKFold(k, shuffle=True, random_state=seed).split(labels, labels, own))
    return list(StratifiedKFold(k, shuffle=True, random_state=seed).split(labels, labels))  # its folds are more even


def loose_folds(labels: NDArray[np.integer], groups: NDArray[np.generic], *, k: int, seed: int) -> list[Fold]:
    """As `folds` for few photos: a class may be absent from what is trained on; there are as many folds as groups.

    Each class's groups are dealt to the folds in turn, going on where the last class ended.
    """
    units = np.unique(groups, return_inverse=True)[1]
    shuffled = np.random.default_rng(seed).permutation(units.max() + 1)[units]
    in_turn = units[np.lexsort((shuffled, labels))]
    first = np.unique(in_turn, return_index=True)[1]
    fold = first.argsort().argsort()[units] % k
    return [(np.flatnonzero(fold != each), np.flatnonzero(fold == each)) for each in np.unique(fold)]


def count_groups(labels: NDArray[np.integer], groups: NDArray[np.generic], classes: int) -> list[int]:
    """For each class how many groups have photos of it: photos that belong together count once."""
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
                f"Class {name!r} has {'one photo' if count else 'no photo'}; it needs one to learn from and another "
                "to test with (copies of one file count once): add photos, or remove the class."
            )


def _choose_held_out(photos: PhotoSet, seed: int, share: float) -> set[int]:
    """The indices of the photos to test with."""

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
        if not taken[label]:  # each of its units is larger than the share: the smallest will do
            number = _smallest_unit(photos.classes[label], label, counts, total - taken, chosen)
            chosen.add(number)
            taken += counts[number]
    return {i for number in chosen for i in together[number]}


def _smallest_unit(name: str, label: int, counts: Sequence[Counter[int]], left: Counter[int], chosen: set[int]) -> int:
    """The smallest unit with photos of a class that leaves some of each of its classes to learn from."""
    fitting = [
        number
        for number, count in enumerate(counts)
        if count[label] and number not in chosen and all(left[other] > n for other, n in count.items())
    ]
    if not fitting:
        raise PhotosError(
            f"Class {name!r} cannot be split: its photos belong to groups that must not be divided, and none of them "
            "can be held out; add photos of other groups, or name the splits yourself."
        )
    return min(fitting, key=lambda number: counts[number].total())
