"""Photos of the target domain: those to adapt to, those with labels for training, and test photos."""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch.bundle.reading import Bundle
from inarch.commands.adapt.problem import FEWEST_PHOTOS
from inarch.data.decode import decode_many
from inarch.data.folders import UNLABELLED
from inarch.data.photos import PhotoSet, Preprocessing
from inarch.data.scan import scan, scan_unlabelled
from inarch.data.split import evaluation_photos, groups_of, split, training_photos
from inarch.data.store import StoredPhotos, store
from inarch.errors import PhotosError, UnreadableImageError
from inarch.report.wording import count_of
from inarch.transfer.run import TrainingRun

FEWEST_LABELLED = 6
"""The fewest labelled groups for training: with fewer, even a flawless rival of a model that is always wrong could not
be significantly better."""


@dataclass(frozen=True)
class TargetPhotos:
    """The photos of the target domain; no file is both in ``tested`` and in one of the other sets."""

    unlabelled: PhotoSet
    learned: PhotoSet | None
    tested: PhotoSet | None


@dataclass(frozen=True)
class LabelledPhotos:
    """Decoded photos and their labels."""

    stored: StoredPhotos
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]

    @property
    def rows(self) -> NDArray[np.int64]:
        """All rows."""
        return np.arange(len(self.labels))


def target_photos(
    target: str | Path, bundle: Bundle, *, labelled: str | Path | None, oracle: str | Path | None
) -> TargetPhotos:
    """Find the photos of the target domain.

    Args:
        target: a folder of photos; no label is read.
        bundle: its classes, and its seed where photos are split.
        labelled: labelled photos for training, except for their test or val split. If they have none, a fifth becomes
            the test set, unless there is an ``oracle``.
        oracle: test photos: their test or val split if there is one, else all.

    Raises:
        PhotosError: there are no such photos, or too few.
    """
    found = scan_unlabelled(target)
    tested = None if oracle is None else _select_test_photos(scan(oracle, bundle.classes))
    learned = None
    if labelled is not None:
        given = scan(labelled, bundle.classes)
        if tested is None:
            given = _split(given, labelled, bundle.config.seed)
            tested = _select_test_photos(given)
        learned = _exclude_photos(replace(given, photos=training_photos(given)), tested)
        check_labelled(labelled, len(set(groups_of(learned.photos))))
    if tested is not None and learned is not None:
        found = _exclude_photos(found, tested)
        if not found.photos:
            raise PhotosError(
                f"All photos in {target} are test photos, which the model may not be adapted to: name other photos, or "
                "another test set."
            )
    if learned is None:
        check_unlabelled(target, _count_readable(found, bundle.preprocessing))
    return TargetPhotos(found, learned, tested)


def _count_readable(photos: PhotoSet, preprocessing: Preprocessing) -> int:
    """How many photos can be read; of those that are enough in any case the files are counted."""
    if len(photos.photos) >= 2 * FEWEST_PHOTOS:
        return len(photos.photos)
    decoded = decode_many((Path(photos.root, each.path) for each in photos.photos), preprocessing)
    return sum(not isinstance(each, UnreadableImageError) for each in decoded)


def check_unlabelled(target: str | Path, photos: int) -> None:
    """Refuse a target domain with too few unlabelled photos."""
    if photos < FEWEST_PHOTOS:
        raise PhotosError(
            f"{target} holds {count_of(photos, 'different photo')} that can be read; adapting takes {FEWEST_PHOTOS} at "
            "least."
        )


def check_labelled(labelled: str | Path, photos: int) -> None:
    """Refuse a target domain with too few labelled photos."""
    if photos < FEWEST_LABELLED:
        raise PhotosError(
            f"{labelled} holds {count_of(photos, 'different photo')} for training, besides the test photos; "
            f"adapting by labels takes at least {FEWEST_LABELLED}: label some more."
        )


def decode_photos(what: Path | str, photos: PhotoSet, run: TrainingRun) -> StoredPhotos:
    """Photos without labels, decoded; unreadable ones are left out."""
    try:
        return store(_strip_labels(photos), run.preprocessing, run.options.cache, partial(run.progress, "decode"))
    except PhotosError as error:
        raise PhotosError(f"None of the {count_of(len(photos.photos), 'photo')} in {what} can be read.") from error


def decode_labelled_photos(what: Path | str, photos: PhotoSet, run: TrainingRun) -> LabelledPhotos:
    """The same with their labels, of which a class may lack photos."""
    stored = decode_photos(what, photos, run)
    known = {photo.path: photo for photo in photos.photos}
    kept = [known[photo.path] for photo in stored.photos.photos]
    return LabelledPhotos(stored, np.array([photo.label for photo in kept], dtype=np.int64), groups_of(kept))


def _split(photos: PhotoSet, given: str | Path, seed: int) -> PhotoSet:
    try:
        return split(photos, seed=seed)
    except PhotosError as error:
        raise PhotosError(
            f"A fifth of the labelled photos in {given} becomes the test set. {error} Or name a test set with "
            "--oracle; then all of these are used for training."
        ) from error


def _select_test_photos(photos: PhotoSet) -> PhotoSet:
    return replace(photos, photos=evaluation_photos(photos)[1])


def _exclude_photos(photos: PhotoSet, others: PhotoSet) -> PhotoSet:
    """The photos whose bytes are not among the others'."""
    digests = {photo.digest for photo in others.photos}
    return replace(photos, photos=tuple(photo for photo in photos.photos if photo.digest not in digests))


def _strip_labels(photos: PhotoSet) -> PhotoSet:
    """The same photos without labels."""
    blind = tuple(replace(photo, label=0, split="") for photo in photos.photos)
    return replace(photos, classes=(UNLABELLED,), photos=blind)
