"""``inarch doctor``: the faults of a folder of photos, and a manifest of the user's decisions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch.commands.doctor.checks.classes import report_alike_classes, report_class_problems
from inarch.commands.doctor.checks.copies import report_copies, report_near_duplicates
from inarch.commands.doctor.checks.files import (
    report_file_names,
    report_header_problems,
    report_hidden_entries,
    report_skipped_files,
)
from inarch.commands.doctor.checks.pictures import border_of, flatness_of, report_image_problems
from inarch.commands.doctor.options import DoctorOptions
from inarch.commands.doctor.patch import apply_decisions, read_patch, to_patch
from inarch.commands.doctor.records import KINDS, Diagnosis, Finding, PatchedManifest
from inarch.commands.doctor.report import to_html
from inarch.data.bursts import bursts_of
from inarch.data.duplicate_search import cluster_near_duplicates, merge_alike, store_thumbnails
from inarch.data.grouping import headers_of
from inarch.data.manifest import fits_manifest, to_manifest
from inarch.data.photos import PhotoSet
from inarch.data.scan import survey
from inarch.data.split import counts_by_split
from inarch.data.store import CHUNK_ROWS, StoredPhotos
from inarch.errors import OutputError, PhotosError
from inarch.extras import require
from inarch.progress import Progress, ignore_progress
from inarch.report.raster import jpeg
from inarch.storage.cache_size import in_use
from inarch.storage.files import make_folder, write_text
from inarch.storage.home import expand
from inarch.transfer.stopwatch import Stopwatch


class DoctorFile(StrEnum):
    """The files that `doctor` and `apply_patch` write."""

    REPORT = "report.html"
    PATCH = "patch.csv"
    MANIFEST = "manifest.csv"


def doctor(
    photos: str | Path, out: str | Path, options: DoctorOptions | None = None, progress: Progress = ignore_progress
) -> Diagnosis:
    """Check every photo; write the findings to ``report.html`` and proposed decisions to ``patch.csv``.

    Args:
        photos: a folder of class folders, one holding ``train/ val/ test/``, or a CSV manifest.
        out: a folder for the two files; an existing patch that differs is not overwritten.
        options: how to check; the defaults if None.
        progress: called with a phase's name, the finished and the total number of steps.

    Raises:
        MissingExtraError: labels are checked, and torch is not installed.
        PhotosError: the arrangement of the photos is unknown, or none can be read.
        OutputError: ``out`` holds another patch, or cannot be written.

    Examples:
        >>> diagnosis = inarch.doctor("photos", "checked", inarch.DoctorOptions(labels=False))
        >>> [(finding.kind, finding.path) for finding in diagnosis.findings]
        []
    """
    options = options or DoctorOptions()
    if options.labels:
        require("torch", instead="leave labels out with --no-labels")
    stopwatch = Stopwatch()
    with stopwatch.phase("scan"):
        found = survey(photos, options.arrangement)
    out, photos = expand(out), expand(photos)
    make_folder(out, photos)
    with in_use(options.cache, options.cache_size):
        diagnosis, looked = _diagnose_photos(found, options, progress, stopwatch, is_folder=Path(photos).is_dir())
        patch = Path(out, DoctorFile.PATCH)
        text = to_patch(diagnosis.decisions)
        _check_patch(patch, text)
        shown = 60  # findings of each kind that have a thumbnail on the page
        write_text(Path(out, DoctorFile.REPORT), to_html(diagnosis, _thumbnails(looked, diagnosis, shown), shown))
    write_text(patch, text)
    return diagnosis


def apply_patch(
    photos: str | Path,
    patch: str | Path,
    out: str | Path,
    options: DoctorOptions | None = None,
    progress: Progress = ignore_progress,
) -> PatchedManifest:
    """Write ``manifest.csv`` as input for `train`: the patched, readable photos, with their groups.

    Args:
        photos: as for `doctor`; near-duplicates and bursts become groups, which no split separates.
        patch: the file that `doctor` proposed, edited or not.
        out: a folder for the manifest.
        options: how to check; labels are not checked.
        progress: called with a phase's name, the finished and the total number of steps.

    Raises:
        PhotosError: a line of the patch does not fit the photos, or there is no photo left.
        OutputError: ``out`` cannot be written.

    Examples:
        >>> _ = inarch.doctor("photos", "checked", inarch.DoctorOptions(labels=False))
        >>> inarch.apply_patch("photos", "checked/patch.csv", "checked").path.name
        'manifest.csv'
    """
    options = options or DoctorOptions()
    found = survey(photos, options.arrangement)
    decided = apply_decisions(found, read_patch(expand(patch), found))
    decided = replace(decided, photos=tuple(photo for photo in decided.photos if fits_manifest(photo.path)))
    if not decided.photos:
        raise PhotosError(f"The patch {patch} leaves no photo of {photos}; keep some.")
    out, photos = expand(out), expand(photos)
    make_folder(out, photos)
    with in_use(options.cache, options.cache_size):
        looked = store_thumbnails(decided, options.cache, progress)
        clusters = cluster_near_duplicates(looked, options.cache, progress)
    grouped = merge_alike(looked.photos, [*clusters, *bursts_of(headers_of(looked.photos))])
    manifest = Path(out, DoctorFile.MANIFEST)
    write_text(manifest, to_manifest(grouped, manifest.parent))
    return PatchedManifest(manifest, len(grouped.photos), len(found.photos) + len(found.skipped) - len(grouped.photos))


def _diagnose_photos(
    found: PhotoSet, options: DoctorOptions, progress: Progress, stopwatch: Stopwatch, *, is_folder: bool
) -> tuple[Diagnosis, StoredPhotos]:
    """The findings about the photos, and the photos as small images; with a manifest, hidden files do not matter."""
    with stopwatch.phase("decode"):
        looked = store_thumbnails(found, options.cache, progress)
    with stopwatch.phase("headers"):
        headers = headers_of(looked.photos)
    with stopwatch.phase("near-duplicates"):
        clusters = cluster_near_duplicates(looked, options.cache, progress)
    bursts = bursts_of(headers)
    readable = looked.photos
    paths = [photo.path for photo in readable.photos]
    known = {path: header for path, header in zip(paths, headers, strict=True) if header is not None}
    with stopwatch.phase("pictures"):
        flatness, borders = _measure_images(looked)
    findings = [
        *report_skipped_files(readable),
        *(report_hidden_entries(Path(found.root)) if is_folder else ()),
        *report_file_names(readable),
        *report_header_problems(known),
        *report_class_problems(readable),
        *report_image_problems(readable, flatness, borders),
        *report_copies(readable),
        *report_near_duplicates(readable, clusters),
        *_report_bursts(paths, bursts),
    ]
    grouped = merge_alike(readable, [*clusters, *bursts])
    findings += report_alike_classes(grouped)
    suspected, note = _check_labels(grouped, options, progress, stopwatch)
    findings = sorted((*findings, *suspected), key=lambda finding: list(KINDS).index(finding.kind))
    diagnosis = Diagnosis(
        root=found.root,
        classes=readable.classes,
        counts=counts_by_split(readable),
        findings=tuple(findings),
        notes=(*readable.notes, note),
        phases=stopwatch.phases,
    )
    return diagnosis, looked


def _check_labels(
    grouped: PhotoSet, options: DoctorOptions, progress: Progress, stopwatch: Stopwatch
) -> tuple[Sequence[Finding], str]:
    """As `inarch.commands.doctor.judge.judge_labels`; no finding where that was not requested, or cannot be done."""
    if not options.labels:
        return (), "Labels were not checked, as requested."
    from inarch.commands.doctor.judge import judge_labels

    try:
        return judge_labels(grouped, options, progress, stopwatch)
    except PhotosError as error:
        return (), f"Labels were not checked: {error}"


def _measure_images(looked: StoredPhotos) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The results of `flatness_of` and `border_of` for every photo, (n,) each."""
    starts = range(0, len(looked.images), CHUNK_ROWS)
    parts = [looked.images[start : start + CHUNK_ROWS] for start in starts]
    return np.concatenate([flatness_of(part) for part in parts]), np.concatenate([border_of(part) for part in parts])


def _report_bursts(paths: Sequence[str], bursts: Sequence[Sequence[int]]) -> Iterator[Finding]:
    for burst in bursts:
        first, *others = (paths[index] for index in burst)
        yield Finding("burst", first, f"It and {len(others)} more were taken within seconds.", tuple(others))


def _thumbnails(looked: StoredPhotos, diagnosis: Diagnosis, shown: int) -> dict[str, bytes]:
    """Small JPEGs of the photos on the page, ``shown`` findings of each kind, by path."""
    row_of = {photo.path: row for row, photo in enumerate(looked.photos.photos)}
    wanted = dict.fromkeys(
        path
        for kind in KINDS
        for finding in diagnosis.of_kind(kind)[:shown]
        for path in (finding.path, *finding.others[:1])
        if path in row_of
    )
    return {path: jpeg(looked.images[row_of[path]]) for path in wanted}


def _check_patch(patch: Path, text: str) -> None:
    """Refuse to overwrite decisions that may have been edited.

    Raises:
        OutputError: another patch is there.
    """
    try:
        if not patch.exists() or patch.read_text("utf-8") == text:
            return
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"{patch} cannot be read ({error}); choose another --out.") from error
    raise OutputError(
        f"{patch} holds other decisions than those proposed now: apply it with --apply {patch}, move it away, "
        "or choose another --out."
    )
