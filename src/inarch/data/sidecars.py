"""Files of other kinds next to photos, counted by their suffix: tools write one for every photo."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from inarch.data.decode import IMAGE_SUFFIXES
from inarch.data.photos import SkippedFile


def sidecars_by_suffix(skipped: Sequence[SkippedFile], many: int = 4) -> Mapping[str, tuple[SkippedFile, ...]]:
    """The skipped files that are no photos by their suffix, where there are that ``many`` of it; commonest first."""
    groups: dict[str, list[SkippedFile]] = {}
    for file in skipped:
        suffix = PurePosixPath(file.path).suffix.lower()
        if suffix and suffix not in IMAGE_SUFFIXES:
            groups.setdefault(suffix, []).append(file)
    counted = {suffix: tuple(files) for suffix, files in groups.items() if len(files) >= many}
    return dict(sorted(counted.items(), key=lambda item: (-len(item[1]), item[0])))


def condense(skipped: Sequence[SkippedFile]) -> tuple[SkippedFile, ...]:
    """The skipped files with one entry for each suffix of many: ``20 .json files, such as ants/1.json``."""
    groups = sidecars_by_suffix(skipped)
    counted = {file.path for files in groups.values() for file in files}
    return (
        *(file for file in skipped if file.path not in counted),
        *(
            SkippedFile(f"{len(files)} {suffix} files, such as {files[0].path}", files[0].reason)
            for suffix, files in groups.items()
        ),
    )
