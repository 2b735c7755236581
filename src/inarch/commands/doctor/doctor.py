"""What is wrong with a folder of photos, and a manifest of what its owner decides. No photo is ever changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch import clock
from inarch.commands.doctor.checks.classes import report_class_problems
from inarch.commands.doctor.checks.copies import report_copies, report_near_duplicates
from inarch.commands.doctor.checks.files import report_header_problems, report_hidden_entries, report_skipped_files
from inarch.commands.doctor.checks.pictures import border_of, flatness_of, report_image_problems
from inarch.commands.doctor.labels import report_label_problems
from inarch.commands.doctor.patch import apply_decisions, read_patch, to_patch
from inarch.commands.doctor.records import KINDS, Diagnosis, Finding
from inarch.commands.doctor.report import to_html
from inarch.commands.train.run import Choice, choices_of
from inarch.data.bursts import bursts_of
from inarch.data.duplicate_search import cluster_near_duplicates, store_thumbnails
from inarch.data.grouping import headers_of, merge_clusters
from inarch.data.manifest import to_manifest
from inarch.data.photos import PhotoSet
from inarch.data.scan import survey
from inarch.data.split import counts_by_split
from inarch.data.store import CHUNK_ROWS, StoredPhotos, store
from inarch.errors import OutputError, PhotosError, UserError
from inarch.models.anatomy.trace import trace_architecture
from inarch.options.checks import check_seed_and_time
from inarch.progress import Progress, ignore_progress
from inarch.report.raster import jpeg
from inarch.storage.cache import default_cache_folder
from inarch.storage.cache_size import DEFAULT_SIZE, in_use
from inarch.storage.files import make_folder, write_text
from inarch.transfer.features import Prefix
from inarch.transfer.options import TrainOptions
from inarch.transfer.ranking import FEWEST_OF_CLASS, Option, rank
from inarch.transfer.run import Stopwatch

REPORT, PATCH, MANIFEST = "report.html", "patch.csv", "manifest.csv"
MOST_MACS = 1e12
"""That the backbone which judges labels may compute for all photos: some ten seconds on two cores. By a count and not
by the clock, so that the same photos are judged alike however busy the machine is."""
SIZES = (1.0, 0.75, 0.5)
"""Image sizes at which a backbone may judge, of its own; the largest that keeps to `MOST_MACS`."""
MANY = 5000
"""Photos of which the narrowest features judge: fits on wide ones would take longest of all."""
SAMPLED = 200
"""Photos by which the judge is chosen, and at least `FEWEST_OF_CLASS` of each class."""
SHOWN = 60
"""Of each kind, so many findings have a thumbnail and a line of their own on the page."""


@dataclass(frozen=True, kw_only=True)
class DoctorOptions:
    """How to look."""

    labels: bool = True
    """Whether to look for wrong labels: it takes the features of every photo."""
    model: str | None = None
    """The backbone by which labels are judged; None takes, of those at hand, the one that suits the photos best, at
    the image size that suits them and their number."""
    weights: Path | str | None = None
    seed: int = 0
    """Of the folds by which labels are judged."""
    cache: Path = field(default_factory=default_cache_folder)
    cache_size: int = DEFAULT_SIZE

    def __post_init__(self) -> None:
        check_seed_and_time(self.seed, 1.0)


def doctor(
    photos: str | Path, out: str | Path, options: DoctorOptions | None = None, progress: Progress = ignore_progress
) -> Diagnosis:
    """Look at every photo, and write what was found to ``report.html`` and what is proposed to ``patch.csv``.

    Args:
        photos: a folder of class folders, one holding ``train/ val/ test/``, or a CSV manifest.
        out: a folder for the two files; a patch that is there already, and differs, is not overwritten.
        options: how.
        progress: called with a phase's name, what is done, and what there is to do.

    Raises:
        PhotosError: the photos are not arranged in a way that is known, or none can be read.
        OutputError: ``out`` holds another patch, or cannot be written.
    """
    options = options or DoctorOptions()
    stopwatch = Stopwatch()
    with stopwatch.phase("scan"):
        found = survey(photos)
    make_folder(Path(out), Path(photos))
    with in_use(options.cache, options.cache_size):
        diagnosis, looked = _diagnose_photos(found, options, progress, stopwatch, is_folder=Path(photos).is_dir())
        patch = Path(out, PATCH)
        text = to_patch(diagnosis.decisions)
        _check_patch(patch, text)
        write_text(Path(out, REPORT), to_html(diagnosis, _thumbnails(looked, diagnosis), SHOWN))
    write_text(patch, text)
    return diagnosis


def apply_patch(
    photos: str | Path,
    patch: str | Path,
    out: str | Path,
    options: DoctorOptions | None = None,
    progress: Progress = ignore_progress,
) -> Path:
    """Write ``manifest.csv``, which `train` takes for the photos: patched, readable, and what belongs together grouped.

    Near-duplicates and bursts are groups, which no split divides.

    Args:
        photos: as for `doctor`.
        patch: the file that `doctor` proposed, as its owner edited it.
        out: a folder for the manifest.
        options: how; labels are not looked at.
        progress: called with a phase's name, what is done, and what there is to do.

    Returns:
        the manifest.

    Raises:
        PhotosError: a line of the patch does not fit the photos, or there is nothing left to list.
        OutputError: ``out`` cannot be written.
    """
    options = options or DoctorOptions()
    found = survey(photos)
    decided = apply_decisions(found, read_patch(Path(patch), found))
    if not decided.photos:
        raise PhotosError(f"After {patch} no photo of {photos} is left; keep some.")
    make_folder(Path(out), Path(photos))
    with in_use(options.cache, options.cache_size):
        looked = store_thumbnails(decided, options.cache, progress)
        clusters = cluster_near_duplicates(looked, options.cache, progress)
    grouped = merge_clusters(looked.photos, [*clusters, *bursts_of(headers_of(looked.photos))])
    manifest = Path(out, MANIFEST)
    write_text(manifest, to_manifest(grouped, manifest.parent))
    return manifest


def _diagnose_photos(
    found: PhotoSet, options: DoctorOptions, progress: Progress, stopwatch: Stopwatch, *, is_folder: bool
) -> tuple[Diagnosis, StoredPhotos]:
    """What is wrong with the photos, and the photos seen small; beside a manifest, hidden files mean nothing."""
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
        *report_header_problems(known),
        *report_class_problems(readable),
        *report_image_problems(readable, flatness, borders),
        *report_copies(readable),
        *report_near_duplicates(readable, clusters),
        *_report_bursts(paths, bursts),
    ]
    notes = () if options.labels else ("Labels were not checked, as asked.",)
    if options.labels:
        try:
            suspected, note = _judge_labels(
                merge_clusters(readable, [*clusters, *bursts]), options, progress, stopwatch
            )
            findings += suspected
            notes = (note,)
        except PhotosError as error:
            notes = (f"Labels were not checked: {error}",)
    order = list(KINDS)
    findings.sort(key=lambda finding: order.index(finding.kind))
    diagnosis = Diagnosis(
        root=found.root,
        classes=readable.classes,
        counts=counts_by_split(readable),
        findings=tuple(findings),
        notes=notes,
        phases=stopwatch.phases,
    )
    return diagnosis, looked


def _judge_labels(
    grouped: PhotoSet, options: DoctorOptions, progress: Progress, stopwatch: Stopwatch
) -> tuple[Sequence[Finding], str]:
    """Findings about labels, and a word on who judged; classes without photos do not matter.

    Where the options name no backbone, the one of those at hand judges that suits the photos best.

    Raises:
        PhotosError: there are too few photos to judge by.
        UserError: the backbone cannot be had.
    """
    with stopwatch.phase("weights"):
        choices = choices_of(TrainOptions(model=options.model, weights=options.weights), ranking=True)
    if not choices[0][0].pretrained:
        raise UserError(f"{choices[0][0].architecture} has no pre-trained weights; name some with --weights.")
    present = sorted({photo.label for photo in grouped.photos})
    if len(present) < 2:
        raise PhotosError("there is only one class with photos that can be read.")
    filled = replace(
        grouped,
        classes=tuple(grouped.classes[label] for label in present),
        photos=tuple(replace(photo, label=present.index(photo.label), split="") for photo in grouped.photos),
    )
    start, preprocessing = choices[0]
    if len(choices) > 1:
        with stopwatch.phase("backbones"):
            judge = _choose_judge(filled, choices, options, progress)
            start, preprocessing = judge.start, judge.preprocessing
    with stopwatch.phase("decode"):
        stored = store(filled, preprocessing, options.cache, lambda done, total: progress("decode", done, total))
    with stopwatch.phase("labels"):
        prefix = Prefix(start.backbone, start.digest, preprocessing, None, options.cache)
        return report_label_problems(stored, prefix, start.architecture, progress, seed=options.seed)


def _choose_judge(found: PhotoSet, choices: Sequence[Choice], options: DoctorOptions, progress: Progress) -> Option:
    """Of the backbones at hand the one that suits the photos best, at a size at which it can see all of them."""
    sized = [Option(*choice).resized(share) for share in SIZES for choice in choices]
    costs = [_macs(option) * len(found.photos) for option in sized]
    fitting: dict[str, Option] = {}
    for option, cost in zip(sized, costs, strict=True):
        if cost <= MOST_MACS:
            fitting.setdefault(option.start.architecture, option)
    asked = [*fitting.values()] or [sized[int(np.argmin(costs))]]
    if len(found.photos) > MANY:
        asked = [min(asked, key=lambda option: sum(info.channels for info in option.start.backbone.info))]
    if len(asked) == 1:
        return asked[0]
    count = max(SAMPLED, FEWEST_OF_CLASS * len(found.classes))
    with clock.only_counting():
        judge, _ = rank(found, asked, cache=options.cache, seed=options.seed, count=count, progress=progress)
    return judge


def _macs(option: Option) -> int:
    """For one photo."""
    return trace_architecture(option.start.architecture, image_size=option.preprocessing.image_size).macs


def _measure_images(looked: StoredPhotos) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What `flatness_of` and `border_of` say of every photo, (n,) each."""
    starts = range(0, len(looked.images), CHUNK_ROWS)
    parts = [looked.images[start : start + CHUNK_ROWS] for start in starts]
    return np.concatenate([flatness_of(part) for part in parts]), np.concatenate([border_of(part) for part in parts])


def _report_bursts(paths: Sequence[str], bursts: Sequence[Sequence[int]]) -> Iterator[Finding]:
    for burst in bursts:
        first, *others = (paths[index] for index in burst)
        yield Finding("burst", first, f"It and {len(others)} more were taken within seconds.", tuple(others))


def _thumbnails(looked: StoredPhotos, diagnosis: Diagnosis) -> dict[str, bytes]:
    """Small JPEGs by path, of the photos that the page shows."""
    row_of = {photo.path: row for row, photo in enumerate(looked.photos.photos)}
    wanted = dict.fromkeys(
        path
        for kind in KINDS
        for finding in diagnosis.of_kind(kind)[:SHOWN]
        for path in (finding.path, *finding.others[:1])
        if path in row_of
    )
    return {path: jpeg(looked.images[row_of[path]]) for path in wanted}


def _check_patch(patch: Path, text: str) -> None:
    """Decisions that somebody may have edited are not overwritten.

    Raises:
        OutputError: another patch lies there.
    """
    try:
        if not patch.exists() or patch.read_text("utf-8") == text:
            return
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(f"{patch} cannot be read ({error}); choose another --out.") from error
    raise OutputError(
        f"{patch} holds decisions that differ from what is proposed now: apply it with --apply {patch}, move it away, "
        "or choose another --out."
    )
