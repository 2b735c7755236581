"""Claims put to the test: measured, judged, written down as a ledger and a page."""

import contextlib
import hashlib
import math
import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from inarch.commands.demo.demo import DIGITS, GRAFTED
from inarch.commands.demo.digits import write_digits
from inarch.commands.study.catalog import STUDIES, find_study
from inarch.commands.study.judging import judge_claim
from inarch.commands.study.ledger import (
    check_same,
    hardware,
    read_ledger,
    to_json,
)
from inarch.commands.study.records import Claim, StudyLedger, StudyResult
from inarch.commands.study.running import adopt_rows, measure_missing, note_look
from inarch.commands.study.studies_page import studies_page
from inarch.commands.study.study import Bench, Study
from inarch.commands.study.study_html import to_html
from inarch.commands.train.reporting import versions
from inarch.commands.train.run import prepare_training_run
from inarch.data.augmentation import Augmentation
from inarch.data.duplicate_search import group_near_duplicates
from inarch.data.photos import PhotoSet
from inarch.data.scan import scan
from inarch.errors import InarchError, OutputError, UserError
from inarch.progress import Progress, ignore_progress
from inarch.storage.cache import default_cache_folder
from inarch.storage.cache_size import DEFAULT_SIZE, in_use
from inarch.storage.files import write_text
from inarch.transfer.options import TrainOptions
from inarch.transfer.run import TrainingRun

PAGE = "README.md"
MOST_PHOTOS = 1500
"""Of more photos a part is drawn, so that a seed takes minutes."""
MOST_SEEDS = 1000


@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """How to study."""

    data: Path | None = None
    """Photos to study on, as for `train`; None takes the digits that come with scikit-learn."""
    seeds: int | None = None
    """None takes as many as the study has."""
    budget: float = math.inf
    """Seconds for all that is measured; what would take longer is not begun."""
    cache: Path = field(default_factory=default_cache_folder)
    cache_size: int = DEFAULT_SIZE

    def __post_init__(self) -> None:
        if self.seeds is not None and not 1 <= self.seeds <= MOST_SEEDS:
            raise UserError(f"A study takes 1 to {MOST_SEEDS} seeds; {self.seeds} were asked for.")
        if not self.budget > 0:
            raise UserError(f"A budget is a number of seconds above 0; {self.budget} was asked for.")


@dataclass(frozen=True)
class FailedStudy:
    """A study that could not be measured, among others that could."""

    claim: Claim
    why: str


def claims() -> tuple[Claim, ...]:
    """Every claim that there is a study for."""
    return tuple(study.claim for study in STUDIES.values())


def study(
    name: str, out: Path, options: StudyOptions | None = None, progress: Progress = ignore_progress
) -> StudyResult:
    """Put one claim to the test; ``out`` gets its ledger, its page, and a page of all ledgers that are there.

    The ledger is written after every measurement, and the same call goes on where an earlier one stopped.

    Raises:
        UnknownNameError: no study has that name.
        UserError: the options, the photos or what is in ``out`` cannot be used.
        OutputError: ``out`` cannot be written.
        WorkError: the measurement failed.
    """
    options = options or StudyOptions()
    chosen = find_study(name)
    if options.data is not None and not chosen.claim.photos:
        raise UserError(f"{name} is about nets alone and looks at no photos; leave --data out.")
    with in_use(options.cache, options.cache_size):
        done = _run_study(chosen, out, options, options.budget, progress)
    write_pages(out)
    return done


def every_study(
    out: Path, options: StudyOptions | None = None, progress: Progress = ignore_progress
) -> Iterator[StudyResult | FailedStudy]:
    """Put every claim to the test, the cheapest first; what one leaves of its share of the budget the others have."""
    options = options or StudyOptions()
    ends = time.perf_counter() + options.budget
    with in_use(options.cache, options.cache_size):
        for at, chosen in enumerate(STUDIES.values()):
            share = _share([*STUDIES.values()][at:], max(0.0, ends - time.perf_counter()))
            try:
                yield _run_study(chosen, out, options, share, progress)
            except OutputError:
                raise
            except InarchError as error:
                yield FailedStudy(chosen.claim, str(error))
    write_pages(out)


def _share(later: Sequence[Study], seconds: float) -> float:
    """What the first of some studies may take of the seconds that all have: as much as each, or as its first seed
    costs among the first seeds of all, so that a dear one is not left without any. Like measurements count once."""
    firsts = sum({id(each.measure): each.claim.seconds for each in later}.values())
    return seconds * max(1 / len(later), later[0].claim.seconds / firsts)


def write_pages(out: Path) -> tuple[StudyResult, ...]:
    """Write the page of every ledger in ``out``, and one of all of them; nothing is measured.

    Raises:
        UserError: there is no ledger, or one of them cannot be read.
        OutputError: ``out`` cannot be written.
    """
    shown = judge_ledgers(out)
    for each in shown:
        write_text(out / f"{each.ledger.claim.name}.html", to_html(each))
    write_text(out / PAGE, studies_page(shown))
    return shown


def judge_ledgers(out: Path) -> tuple[StudyResult, ...]:
    """What came of every study of which there is a ledger in ``out``, in the order of the catalog.

    Raises:
        UserError: there is none, or one of them cannot be read.
    """
    order = list(STUDIES)
    found = [read_ledger(path) for path in sorted(out.glob("*.json"))]
    if not found:
        raise UserError(f"There is no ledger of a study in {out}; `inarch study NAME --out {out}` makes one.")
    found.sort(key=lambda each: order.index(each.claim.name) if each.claim.name in order else len(order))
    return tuple(_judge_ledger(each, max(each.claim.seeds, *each.looks, 1)) for each in found)


def _run_study(chosen: Study, out: Path, options: StudyOptions, seconds: float, progress: Progress) -> StudyResult:
    claim = chosen.claim
    seeds = options.seeds or claim.seeds
    bench = _bench(options, progress) if claim.photos else None
    ledger = StudyLedger(
        claim=claim,
        photos={} if bench is None else _describe_photos(bench.photos, options.data),
        versions={**dict(versions()), "python": platform.python_version()},
        hardware=hardware(),
    )
    path = out / f"{claim.name}.json"
    _make_folder(out)
    if path.exists():
        found = read_ledger(path)
        check_same(found, ledger, path)
        ledger = found
    ledger = adopt_rows(ledger, _siblings(chosen, out))
    total = seeds * len(claim.arms)
    for more in measure_missing(chosen, bench, ledger, seeds=seeds, seconds=seconds):
        ledger = more
        write_text(path, to_json(ledger))
        progress(claim.name, min(len(ledger.rows), total), total)
    ledger = note_look(ledger)
    write_text(path, to_json(ledger))
    return _judge_ledger(ledger, seeds)


def _judge_ledger(ledger: StudyLedger, asked: int) -> StudyResult:
    return StudyResult(ledger, judge_claim(ledger.claim, ledger.rows, ledger.looks), asked)


def _siblings(chosen: Study, out: Path) -> list[StudyLedger]:
    """The ledgers of studies that measure in the same way."""
    names = [name for name, other in STUDIES.items() if other.measure is chosen.measure and other is not chosen]
    return [read_ledger(path) for name in names if (path := out / f"{name}.json").exists()]


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} cannot be made: {error.strerror or error}; choose another --out.") from error


def _bench(options: StudyOptions, progress: Progress) -> Bench:
    if options.data is None:
        found, augmentation = scan(_digits(options.cache)), DIGITS
    else:
        found, augmentation = group_near_duplicates(scan(options.data), options.cache, progress), Augmentation()
    return Bench(_part(found), augmentation, options.cache, _jobs(options, augmentation))


def _digits(cache: Path) -> Path:
    """The folder of the digits, whole however many studies begin at once."""
    folder = cache / "digits"
    if not folder.exists():
        _make_folder(cache)
        with tempfile.TemporaryDirectory(dir=cache, prefix=".digits.") as made:
            write_digits(Path(made, "digits"))
            with contextlib.suppress(OSError):  # another was quicker
                Path(made, "digits").rename(folder)
    return folder


def _jobs(options: StudyOptions, augmentation: Augmentation) -> Callable[[PhotoSet, int], TrainingRun]:
    def job(photos: PhotoSet, seed: int) -> TrainingRun:
        chosen = TrainOptions(
            seed=seed,
            image_size=GRAFTED.image_size if options.data is None else None,
            augmentation=augmentation,
            cache=options.cache,
            cache_size=options.cache_size,
        )
        return prepare_training_run(lambda: photos, chosen)

    return job


def _part(found: PhotoSet) -> PhotoSet:
    """At most `MOST_PHOTOS`, the same ones every time; photos of a class thin out alike."""
    if len(found.photos) <= MOST_PHOTOS:
        return found
    order = np.random.default_rng(0).permutation(len(found.photos))
    return replace(found, photos=tuple(found.photos[at] for at in sorted(order[:MOST_PHOTOS])))


def _describe_photos(photos: PhotoSet, data: Path | None) -> Mapping[str, str | int]:
    """Which photos these are, without saying where they lie."""
    own = {"split": "the folder's own, for every seed"} if any(photo.split for photo in photos.photos) else {}
    content = "\n".join(
        sorted(f"{photo.digest} {photos.classes[photo.label]} {photo.split}" for photo in photos.photos)
    )
    return {
        "photos": "digits of scikit-learn" if data is None else data.resolve().name,
        "count": len(photos.photos),
        "classes": len(photos.classes),
        "sha256": hashlib.sha256(content.encode()).hexdigest(),
        **own,
    }
