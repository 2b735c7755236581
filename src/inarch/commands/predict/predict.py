"""Photos in, classes out."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from inarch.bundle.predictor import PhotoSource, Prediction, Predictor
from inarch.bundle.reading import Bundle
from inarch.commands.predict.listing import photos_in
from inarch.data.pictures import is_one_photo, several
from inarch.storage.home import expand


def predict(
    bundle: Bundle | str | Path,
    photos: Iterable[PhotoSource] | PhotoSource,
    *,
    target_accuracy: float | None = None,
    sets: float = 0.0,
) -> tuple[Prediction, ...]:
    """Classify photos with a bundle: one record for each, in order.

    A photo that cannot be read has a record, too: its ``problem`` says why. For many photos, one after the other,
    `inarch.Predictor.predict` gives each record as soon as it is there.

    Args:
        bundle: its folder.
        photos: files, folders of photos, the bytes of files, open files, Pillow images, or arrays of uint8; one of
            these, or several.
        target_accuracy: of the answered photos, for selective classification; 0 answers every photo, None takes 0.95
            where the bundle knows how.
        sets: the coverage of the prediction sets, see `Prediction.likely`; 0 makes none.

    Raises:
        BundleError: the bundle is missing, damaged, or answers differently here than where it was trained.
        PhotosError: a folder cannot be opened or holds no photos.
        UserError: something is no photo, ``target_accuracy`` or ``sets`` is no share, or the bundle has nothing to
            choose a rule by.

    Examples:
        >>> for prediction in inarch.predict("mine", "new-photos/dark"):
        ...     print(prediction.label, prediction.ranking[0][1] > 0.5)  # doctest: +ELLIPSIS
        dark True
        ...
    """
    return tuple(Predictor(bundle, target_accuracy=target_accuracy, sets=sets).predict(expand_folders(photos)))


def expand_folders(photos: Iterable[PhotoSource] | PhotoSource) -> Iterator[PhotoSource]:
    """The same photos, with those that are in a folder in its place.

    Raises:
        PhotosError: a folder cannot be opened or holds no photos.
    """
    given: Iterable[Any] = [photos] if is_one_photo(photos) else several(photos)
    for photo in given:
        if isinstance(photo, str | Path) and os.path.isdir(expand(photo)):
            yield from photos_in([expand(photo)])
        else:
            yield photo
