"""The same photo more than once: within a class, under two classes, in two splits."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from inarch.commands.doctor.records import Decision, Finding
from inarch.data.photos import Photo, PhotoSet


def report_copies(photos: PhotoSet) -> Iterator[Finding]:
    """Findings about files with the same bytes."""
    clusters: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos.photos:
        clusters[photo.digest].append(photo)
    yield from _report_clusters("copy", "It is, byte for byte,", photos, list(clusters.values()))


def report_near_duplicates(photos: PhotoSet, clusters: Sequence[Sequence[int]]) -> Iterator[Finding]:
    """Findings about different files that look the same.

    Args:
        photos: all of them.
        clusters: indices of the photos of each cluster, as `find_near_duplicates` returns them.
    """
    for cluster in clusters:
        distinct = {photos.photos[index].digest: photos.photos[index] for index in cluster}
        yield from _report_clusters("near-duplicate", "It looks like", photos, [list(distinct.values())])


def _report_clusters(kind: str, verb: str, photos: PhotoSet, clusters: Sequence[list[Photo]]) -> Iterator[Finding]:
    kept_first = ("test", "val", "train", "")  # of several splits, the training set's copy is dropped first
    for cluster in clusters:
        if len(cluster) < 2:
            continue
        cluster.sort(key=lambda photo: (kept_first.index(photo.split), photo.path))
        first = cluster[0]
        for photo in cluster:
            other_class = next((other for other in cluster if other.label != photo.label), None)
            other = other_class or first
            if other_class is None and photo is first:
                continue
            across = "-across-classes" if other_class else "-across-splits" if other.split != photo.split else ""
            others = tuple(each.path for each in cluster if each is not photo)
            problem = f"{verb} {other.path}{f' and {len(others) - 1} more' if len(others) > 1 else ''}."
            yield Finding(kind + across, photo.path, problem, others, _decision(kind + across, photo, other, photos))


def _decision(kind: str, photo: Photo, other: Photo, photos: PhotoSet) -> Decision | None:
    if kind == "near-duplicate":
        return None
    if kind.endswith("classes"):
        return Decision(photo.path, "keep", photos.classes[other.label], f"the same as {other.path}, of another class")
    is_learned = photo.split in ("", "train")
    return Decision(photo.path, "drop" if is_learned else "keep", why=f"the same as {other.path}")
