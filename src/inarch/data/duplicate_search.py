"""The search for near-duplicates: every photo is decoded small once, cached, and compared."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from inarch.data.alignment import Floats
from inarch.data.grouping import merge_clusters, units
from inarch.data.near_duplicates import (
    LOOK,
    Pair,
    brightness,
    find_near_duplicates,
)
from inarch.data.photos import PhotoSet, Preprocessing
from inarch.data.split import classes_too_small
from inarch.data.store import CHUNK_ROWS, DECODER, StoredPhotos, store_readable
from inarch.progress import Progress
from inarch.storage.cache import ArrayCache, cache_key

SEARCH = "1"
"""To be raised whenever `find_near_duplicates` finds other pairs than before."""
PAIRS = "pairs"


def store_thumbnails(photos: PhotoSet, cache: Path, progress: Progress) -> StoredPhotos:
    """The photos at LOOK x LOOK pixels; unreadable ones are among the skipped.

    Raises:
        PhotosError: none can be read.
        OutputError: the cache cannot be written.
    """
    return store_readable(
        photos, Preprocessing(image_size=LOOK), cache, lambda done, total: progress("look", done, total)
    )


def cluster_near_duplicates(stored: StoredPhotos, cache: Path, progress: Progress) -> list[list[int]]:
    """Clusters of near-duplicates as indices, with at least two different files each.

    The search is cached: it depends only on the files' bytes.

    Args:
        stored: the result of `store_thumbnails`.
        cache: the cache folder.
        progress: called with a phase's name, the finished and the total number of steps.
    """
    photos = stored.photos.photos
    places = {photo.digest: index for index, photo in enumerate(photos)}
    digests = sorted(places)
    rows = ArrayCache(cache / "near-duplicates")
    key = cache_key(SEARCH, DECODER, *digests)
    if rows.missing([key]):
        looks = _thumbnail_brightness(stored, [places[digest] for digest in digests])
        pairs = find_near_duplicates(looks, lambda done, total: progress("near-duplicates", done, total))
        rows.write([key], {PAIRS: np.array([[*pairs, Pair(-1, -1, 0.0, 0.0)]])})  # a cache holds no empty rows
    found = rows.read([key], PAIRS)[0][:-1, :2].astype(np.int64).tolist()
    clusters = [[places[digests[one]], places[digests[other]]] for one, other in found]
    plain = [replace(photo, group="") for photo in photos]
    return [unit for unit in units(plain, clusters) if len({photos[index].digest for index in unit}) > 1]


def _thumbnail_brightness(stored: StoredPhotos, rows: Sequence[int]) -> Floats:
    """The brightness of those photos, (n, LOOK, LOOK)."""
    looks = np.empty((len(rows), LOOK, LOOK), dtype=np.float32)
    for at in range(0, len(rows), CHUNK_ROWS):
        part = np.array(rows[at : at + CHUNK_ROWS])
        looks[at : at + len(part)] = brightness(stored.images[part])
    return looks


def group_near_duplicates(photos: PhotoSet, cache: Path, progress: Progress) -> PhotoSet:
    """The same photos, with near-duplicates merged into one group, in addition to existing groups.

    Raises:
        PhotosError: no photo can be read.
        OutputError: the cache cannot be written.
    """
    stored = store_thumbnails(photos, cache, progress)
    place = {photo.path: index for index, photo in enumerate(photos.photos)}
    seen = stored.photos.photos
    clusters = [
        [place[seen[index].path] for index in cluster] for cluster in cluster_near_duplicates(stored, cache, progress)
    ]
    alike = tuple(tuple(sorted(photos.photos[index].path for index in cluster)) for cluster in clusters)
    return replace(merge_alike(photos, clusters), alike=tuple(sorted(alike)))


def merge_alike(photos: PhotoSet, clusters: Sequence[Sequence[int]]) -> PhotoSet:
    """`merge_clusters` of photos that look alike, but for the classes that could not be split then.

    All photos of a fixed camera, of a product on a turntable or of a video may look alike. They are divided, as
    training is impossible otherwise, and ``divided`` names their classes: no figure of theirs can be trusted.
    """
    merged = merge_clusters(photos, clusters)
    before = {label for label, _ in classes_too_small(photos)}
    divided = {label for label, _ in classes_too_small(merged)} - before
    if not divided:
        return merged
    mixed = (
        own if own.label in divided else together for own, together in zip(photos.photos, merged.photos, strict=True)
    )
    return replace(merged, photos=tuple(mixed), divided=tuple(photos.classes[label] for label in sorted(divided)))
