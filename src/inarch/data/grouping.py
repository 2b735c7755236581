"""Groups of photos that stay on one side of a split: by folder, by time, by name, or as near-duplicates."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from inarch.data.bursts import bursts_of
from inarch.data.header import Header, read_header
from inarch.data.photos import Photo, PhotoSet
from inarch.errors import PhotosError, UnreadableImageError, UserError
from inarch.storage.parallel import map_in_order


def units(photos: Sequence[Photo], clusters: Iterable[Sequence[int]] = ()) -> list[list[int]]:
    """Indices of photos that must stay together: of one file, group or cluster, directly or transitively."""
    parent = list(range(len(photos)))  # a disjoint-set forest: SciPy, which has one, comes with the extra torch alone

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[tuple[str, str], int] = {}
    for index, photo in enumerate(photos):
        parent[root(index)] = root(first.setdefault(("digest", photo.digest), index))
        if photo.group:
            parent[root(index)] = root(first.setdefault(("group", photo.group), index))
    for cluster in clusters:
        for index in cluster[1:]:
            parent[root(index)] = root(cluster[0])
    together: dict[int, list[int]] = defaultdict(list)
    for index in range(len(photos)):
        together[root(index)].append(index)
    return list(together.values())


def merge_clusters(photos: PhotoSet, clusters: Iterable[Sequence[int]]) -> PhotoSet:
    """The same photos, with groups that contain every cluster whole.

    A group without clusters keeps its name; a merged one is named after the photo with the smallest digest.

    Args:
        photos: with or without groups.
        clusters: indices of the photos of each cluster.
    """
    groups = {}
    for unit in units(photos.photos, clusters):
        names = {photos.photos[index].unit for index in unit}
        if len(names) > 1:
            name = "like " + min(photos.photos[index].digest for index in unit)[:16]
            groups.update(dict.fromkeys(unit, name))
    changed = (replace(photo, group=groups.get(index, photo.group)) for index, photo in enumerate(photos.photos))
    return replace(photos, photos=tuple(changed))


def group_photos(photos: PhotoSet, by: str) -> PhotoSet:
    """The same photos, with further groups in addition to their own.

    Args:
        photos: with or without groups.
        by: ``folder``, the folder inside the class folder; ``burst``, photos of one camera within seconds, by EXIF; or
            a regular expression: the match of its first group (or of all of it, without one) in the path, such as
            ``(patient\\d+)``.

    Raises:
        UserError: it is not a regular expression.
        PhotosError: it groups nothing.
    """
    clusters = _clusters(photos, by)
    if not any(len(cluster) > 1 for cluster in clusters):
        example = photos.photos[0].path if photos.photos else "none"
        raise PhotosError(
            f"Grouping by {by!r} puts no two photos together; a path looks like {example!r}. Group by folder, burst, "
            "or a regular expression that finds in each path the name of its group."
        )
    return merge_clusters(photos, clusters)


def headers_of(photos: PhotoSet) -> list[Header | None]:
    """The header of each photo; None where it cannot be read."""
    return list(map_in_order(_header_or_none, [Path(photos.root, photo.path) for photo in photos.photos], workers=2))


def _header_or_none(file: Path) -> Header | None:
    try:
        return read_header(file)
    except UnreadableImageError:
        return None


def _clusters(photos: PhotoSet, by: str) -> list[list[int]]:
    if by == "burst":
        return bursts_of(headers_of(photos))
    found: dict[str, list[int]] = defaultdict(list)
    pattern = None if by == "folder" else _compile_pattern(by)
    for index, photo in enumerate(photos.photos):
        name = _subfolder(photo) if pattern is None else _match(pattern, photo.path)
        if name:
            found[name].append(index)
    return list(found.values())


def _compile_pattern(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise UserError(
            f"{pattern!r} is not a regular expression ({error}); group by folder, burst, or a pattern such as "
            r"'(patient\d+)'."
        ) from error


def _match(pattern: re.Pattern[str], path: str) -> str:
    found = pattern.search(path)
    return "" if found is None else found[1 if pattern.groups else 0] or ""


def _subfolder(photo: Photo) -> str:
    """The folder, if it is deeper than the class folder (in a split folder, perhaps)."""
    folder = PurePosixPath(photo.path).parent
    is_deep = len(folder.parts) > (2 if photo.split else 1)
    return folder.as_posix() if is_deep else ""
