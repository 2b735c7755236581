"""Photos decoded once: 8-bit squares, memory-mapped, stored under the digest of their file."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch.data.candidate_files import digest_of
from inarch.data.decode import decode_or_error, read_bytes
from inarch.data.photos import (
    Photo,
    PhotoSet,
    Preprocessing,
    SkippedFile,
)
from inarch.errors import PhotosError, UnreadableImageError
from inarch.storage.cache import ArrayCache, Rows, cache_key
from inarch.storage.parallel import map_in_order

DECODER = "2"
"""To be raised whenever `decode` gives other pixels than before, so that old ones are not used."""

IMAGES = "images"
CHUNK_ROWS = 256
WORKERS = 2


@dataclass(frozen=True)
class StoredPhotos:
    """Photos and their pixels."""

    photos: PhotoSet
    images: Rows
    """(n, image_size, image_size, 3) of uint8; row i is ``photos.photos[i]``."""


def ignore_counts(done: int, total: int) -> None:
    """Report no progress."""


def store(
    photos: PhotoSet,
    preprocessing: Preprocessing,
    cache: Path,
    on_progress: Callable[[int, int], None] = ignore_counts,
    *,
    chunk_rows: int = CHUNK_ROWS,
) -> StoredPhotos:
    """Decode the photos that the cache lacks.

    Photos that cannot be read move from ``photos`` to ``skipped``, with the reason; they are tried again next time.

    Args:
        photos: every file of the same bytes is decoded once.
        preprocessing: the geometry; mean and std do not matter here.
        cache: the cache folder; any number of photo sets may share it.
        on_progress: called with the number of decoded photos, and of all distinct ones.
        chunk_rows: photos between writes of the cache, so that a killed run loses no more.

    Raises:
        PhotosError: a class has no readable training photo.
        OutputError: the cache cannot be written.
    """
    stored = store_readable(photos, preprocessing, cache, on_progress, chunk_rows=chunk_rows)
    _require_classes(photos, stored.photos)
    return stored


def store_readable(
    photos: PhotoSet,
    preprocessing: Preprocessing,
    cache: Path,
    on_progress: Callable[[int, int], None] = ignore_counts,
    *,
    chunk_rows: int = CHUNK_ROWS,
) -> StoredPhotos:
    """The same, without a check of the classes.

    Raises:
        PhotosError: no photo can be read.
        OutputError: the cache cannot be written.
    """
    rows = _rows(preprocessing, cache)
    reasons = _fill(rows, photos, preprocessing, on_progress, chunk_rows)
    readable = _drop_unreadable(photos, reasons)
    if not readable.photos:
        why = f" ({readable.skipped[0].path}: {readable.skipped[0].reason})" if readable.skipped else ""
        raise PhotosError(f"{photos.root} has no readable photo{why}.")
    return StoredPhotos(readable, rows.read([photo.digest for photo in readable.photos], IMAGES))


def count_undecoded(photos: PhotoSet, preprocessing: Preprocessing, cache: Path) -> int:
    """The number of distinct photos that `store` would have to decode."""
    return len(_rows(preprocessing, cache).missing([photo.digest for photo in photos.photos]))


def _rows(preprocessing: Preprocessing, cache: Path) -> ArrayCache:
    geometry = cache_key(DECODER, str(preprocessing.image_size), preprocessing.interpolation)
    return ArrayCache(cache / "photos" / geometry)


def _fill(
    rows: ArrayCache,
    photos: PhotoSet,
    preprocessing: Preprocessing,
    on_progress: Callable[[int, int], None],
    chunk_rows: int,
) -> dict[str, str]:
    """Decode the missing photos; returns, by digest, why a photo cannot be read."""
    distinct = {photo.digest: photo for photo in photos.photos}
    missing = rows.missing(list(distinct))
    reasons: dict[str, str] = {}
    decoded: dict[str, NDArray[np.uint8]] = {}
    done = len(distinct) - len(missing)
    on_progress(done, len(distinct))
    read = partial(_read, root=Path(photos.root), preprocessing=preprocessing)
    for digest, image in zip(missing, map_in_order(read, [distinct[key] for key in missing], WORKERS), strict=True):
        if isinstance(image, UnreadableImageError):
            reasons[digest] = str(image)
        else:
            decoded[digest] = image
        if len(decoded) == chunk_rows:
            _write(rows, decoded)
        done += 1
        on_progress(done, len(distinct))
    _write(rows, decoded)
    return reasons


def _write(rows: ArrayCache, decoded: dict[str, NDArray[np.uint8]]) -> None:
    if decoded:
        rows.write(list(decoded), {IMAGES: np.stack(list(decoded.values()))})
        decoded.clear()


def _read(photo: Photo, *, root: Path, preprocessing: Preprocessing) -> NDArray[np.uint8] | UnreadableImageError:
    """Read the file once, so that the digest is that of the pixels."""
    try:
        content = read_bytes(root / photo.path)
    except UnreadableImageError as error:
        return error
    if digest_of(content) != photo.digest:
        return UnreadableImageError("It has changed since the folder was scanned: run again.")
    return decode_or_error(content, preprocessing)


def _drop_unreadable(photos: PhotoSet, reasons: dict[str, str]) -> PhotoSet:
    """The set with the unreadable photos among the skipped files."""
    kept = tuple(photo for photo in photos.photos if photo.digest not in reasons)
    skipped = tuple(
        SkippedFile(photo.path, reasons[photo.digest]) for photo in photos.photos if photo.digest in reasons
    )
    return replace(photos, photos=kept, skipped=photos.skipped + skipped)


def _require_classes(asked: PhotoSet, readable: PhotoSet) -> None:
    left = {photo.label for photo in readable.photos if photo.split in ("", "train")}
    reasons = {file.path: file.reason for file in readable.skipped}
    for label, name in enumerate(asked.classes):
        if label not in left:
            lost = [photo.path for photo in asked.photos if photo.label == label and photo.path in reasons]
            why = f" ({lost[0]}: {reasons[lost[0]]})" if lost else ""
            raise PhotosError(f"Class {name!r} has no readable training photo{why}; add some, or remove it.")
