"""The labelled photos of a run: found, grouped and split."""

from collections.abc import Sequence
from pathlib import Path

from inarch.data.duplicate_search import group_near_duplicates
from inarch.data.grouping import group_photos
from inarch.data.photos import PhotoSet
from inarch.data.scan import scan
from inarch.data.split import leave_out_small_classes, split
from inarch.errors import PhotosError
from inarch.progress import Progress, ignore_progress
from inarch.transfer.options import TrainOptions

MOST_SEARCHED = 10_000
"""The most photos among which `train` looks for near-duplicates, by comparing every pair; `doctor` has no limit."""


def find_photos(photos: str | Path, options: TrainOptions, progress: Progress = ignore_progress) -> PhotoSet:
    """The photos of a folder or a manifest, with splits.

    Near-duplicates are not detected among more than `MOST_SEARCHED` photos. Only the options of finding and splitting
    are read.

    Raises:
        PhotosError: their arrangement is unknown, a class name is not one line, or they cannot be split.
        UserError: ``group_by`` names no way of grouping.
    """
    found = leave_out_small_classes(scan(photos, arrangement=options.arrangement), options.min_photos)
    if options.group_by is not None:
        found = group_photos(found, options.group_by)
    if options.near_duplicates and len(found.photos) <= MOST_SEARCHED:
        found = group_near_duplicates(found, options.cache, progress)
    found = split(found, seed=options.seed)
    check_class_names(found.classes)
    return found


def check_class_names(names: Sequence[str]) -> None:
    """A bundle lists one class a line.

    Raises:
        PhotosError: a name is more than a line, or has spaces around it.
    """
    broken = [name for name in names if len(name.splitlines()) != 1 or name != name.strip()]
    if broken:
        raise PhotosError(f"A class name must be one line without spaces around it; rename {broken[0]!r}.")
