"""Photos of another domain: those that are adapted to, those whose labels may be learned from, those to report on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch.commands.adapt.problem import FEWEST_PHOTOS
from inarch.data.folders import UNLABELLED
from inarch.data.photos import PhotoSet
from inarch.data.scan import scan, scan_unlabelled
from inarch.data.split import evaluation_photos, groups_of, split, training_photos
from inarch.data.store import StoredPhotos, store
from inarch.errors import PhotosError
from inarch.report.wording import count_of
from inarch.transfer.run import TrainingRun

FEWEST_LABELLED = 6
"""To learn from, counting those that belong together once: with fewer, even a flawless rival of a net that is always
wrong could prove nothing."""


@dataclass(frozen=True)
class TargetPhotos:
    """What was found of the target domain; no file stands both in ``tested`` and in one of the others."""

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
        """All of them."""
        return np.arange(len(self.labels))


def target_photos(
    target: str | Path,
    classes: Sequence[str],
    *,
    labelled: str | Path | None,
    oracle: str | Path | None,
    seed: int,
) -> TargetPhotos:
    """Find the photos of the target domain.

    Args:
        target: a folder of photos; no label is read.
        classes: those of the bundle.
        labelled: photos that may be learned from, but for their test or val split. Where they have none, a fifth is
            kept to report on, unless there is an ``oracle``.
        oracle: photos to report on: their test or val split where there is one, else all.
        seed: of that fifth.

    Raises:
        PhotosError: there are no such photos, or too few.
    """
    found = scan_unlabelled(target)
    tested = None if oracle is None else _select_test_photos(scan(oracle, classes))
    learned = None
    if labelled is not None:
        given = scan(labelled, classes)
        if tested is None:
            given = _split(given, labelled, seed)
            tested = _select_test_photos(given)
        learned = _exclude_photos(replace(given, photos=training_photos(given)), tested)
        check_labelled(labelled, len(set(groups_of(learned.photos))))
    if tested is not None and learned is not None:
        found = _exclude_photos(found, tested)
        if not found.photos:
            raise PhotosError(
                f"All photos in {target} are among those to report on, and these are not adapted to: name others, or "
                "other ones to report on."
            )
    if learned is None:
        check_unlabelled(target, len(found.photos))
    return TargetPhotos(found, learned, tested)


def check_unlabelled(target: str | Path, photos: int) -> None:
    """Refuse too few photos to adapt to without labels."""
    if photos < FEWEST_PHOTOS:
        raise PhotosError(
            f"{target} holds {count_of(photos, 'different photo')} that can be read; adapting takes {FEWEST_PHOTOS} at "
            "least."
        )


def check_labelled(labelled: str | Path, photos: int) -> None:
    """Refuse too few photos to learn from."""
    if photos < FEWEST_LABELLED:
        raise PhotosError(
            f"{labelled} holds {count_of(photos, 'different photo')} to learn from, beside those to report on; "
            f"learning from labels takes {FEWEST_LABELLED} at least: label some more."
        )


def decode_photos(what: Path | str, photos: PhotoSet, job: TrainingRun) -> StoredPhotos:
    """Photos without labels, decoded as far as they can be read."""
    try:
        return store(_strip_labels(photos), job.preprocessing, job.cache, partial(job.progress, "decode"))
    except PhotosError as error:
        raise PhotosError(f"None of the {count_of(len(photos.photos), 'photo')} in {what} can be read.") from error


def decode_labelled_photos(what: Path | str, photos: PhotoSet, job: TrainingRun) -> LabelledPhotos:
    """The same with their labels, of which a class may lack photos."""
    stored = decode_photos(what, photos, job)
    known = {photo.path: photo for photo in photos.photos}
    kept = [known[photo.path] for photo in stored.photos.photos]
    return LabelledPhotos(stored, np.array([photo.label for photo in kept], dtype=np.int64), groups_of(kept))


def _split(photos: PhotoSet, given: str | Path, seed: int) -> PhotoSet:
    try:
        return split(photos, seed=seed)
    except PhotosError as error:
        raise PhotosError(
            f"A fifth of the labelled photos in {given} is kept to report on. {error} Or name photos to report on with "
            "--oracle; then all of these are learned from."
        ) from error


def _select_test_photos(photos: PhotoSet) -> PhotoSet:
    return replace(photos, photos=evaluation_photos(photos)[1])


def _exclude_photos(photos: PhotoSet, others: PhotoSet) -> PhotoSet:
    """Those whose bytes are not among the others'."""
    digests = {photo.digest for photo in others.photos}
    return replace(photos, photos=tuple(photo for photo in photos.photos if photo.digest not in digests))


def _strip_labels(photos: PhotoSet) -> PhotoSet:
    """The same photos, as if nobody had looked at their labels."""
    blind = tuple(replace(photo, label=0, split="") for photo in photos.photos)
    return replace(photos, classes=(UNLABELLED,), photos=blind)
