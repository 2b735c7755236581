"""``inarch study``: claims tested, judged, and written as a ledger and a page."""

import hashlib
import math
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from inarch.bundle.contents import versions
from inarch.commands.demo.demo import DIGITS, TRANSFER
from inarch.commands.demo.digits import write_digits
from inarch.commands.study.catalog import STUDIES, find_study
from inarch.commands.study.judging import judge_claim
from inarch.commands.study.ledger import (
    check_same,
    hardware,
    read_ledger,
    to_json,
)
from inarch.commands.study.options import StudyOptions
from inarch.commands.study.records import Claim, ClaimCatalog, StudyLedger, StudyResult
from inarch.commands.study.running import TimeLimit, adopt_rows, measure_missing, note_look
from inarch.commands.study.studies_page import studies_page
from inarch.commands.study.study import Bench, Study
from inarch.commands.study.study_html import to_html
from inarch.commands.train.run import prepare_training_run
from inarch.data.augmentation import Augmentation
from inarch.data.duplicate_search import group_near_duplicates
from inarch.data.photos import PhotoSet
from inarch.data.scan import scan
from inarch.errors import InarchError, OutputError, UserError
from inarch.progress import Progress, ignore_progress
from inarch.storage.cache_size import in_use
from inarch.storage.files import make_folder, whole_folder, write_text
from inarch.storage.home import expand
from inarch.transfer.options import TrainOptions
from inarch.transfer.run import TrainingRun

PAGE = "README.md"


@dataclass(frozen=True)
class FailedStudy:
    """A study that could not be measured."""

    claim: Claim
    why: str


def claims() -> ClaimCatalog:
    """Every claim that has a study."""
    return ClaimCatalog(tuple(study.claim for study in STUDIES.values()))


def study(
    name: str, out: str | Path, options: StudyOptions | None = None, progress: Progress = ignore_progress
) -> StudyResult:
    """Test one claim; ``out`` gets its ledger, its page, and a page of all ledgers there.

    The ledger is written after every measurement, and the same call continues an interrupted one.

    Raises:
        UnknownNameError: no study has that name.
        UserError: the options, the photos or what is in ``out`` cannot be used.
        OutputError: ``out`` cannot be written.
        WorkError: the measurement failed.

    Examples:
        >>> result = inarch.study("reduction-cost", "studies", inarch.StudyOptions(seeds=1))
        >>> result.ledger.claim.source
        'Szegedy et al. 2015, arXiv 1409.4842, sections 4 and 5'
    """
    out, options = expand(out), options or StudyOptions()
    chosen = find_study(name)
    if options.data is not None and not chosen.claim.photos:
        raise UserError(f"{name} is about models alone and uses no photos; leave --data out.")
    with in_use(options.cache, options.cache_size):
        done = _run_study(chosen, out, options, options.budget or math.inf, progress)
    write_pages(out)
    return done


def every_study(
    out: Path,
    options: StudyOptions | None = None,
    progress: Progress = ignore_progress,
    *,
    studies: Sequence[Study] = tuple(STUDIES.values()),
) -> Iterator[StudyResult | FailedStudy]:
    """Test every claim, the cheapest first; a study leaves the rest of its share of the budget to the others."""
    options = options or StudyOptions()
    ends = time.perf_counter() + (options.budget or math.inf)
    with in_use(options.cache, options.cache_size):
        for at, chosen in enumerate(studies):
            share = _share(studies[at:], max(0.0, ends - time.perf_counter()))
            try:
                yield _run_study(chosen, out, options, share, progress)
            except OutputError:
                raise
            except InarchError as error:
                yield FailedStudy(chosen.claim, str(error))
    write_pages(out)


def _share(later: Sequence[Study], seconds: float) -> float:
    """The seconds for the first of several studies: an equal share, or its first seed's share of the cost of all first
    seeds, so that an expensive study gets one. Shared measurements count once."""
    firsts = sum({id(each.measure): each.claim.seconds for each in later}.values())
    return seconds * max(1 / len(later), later[0].claim.seconds / firsts)


def write_pages(out: Path) -> tuple[StudyResult, ...]:
    """Write the page of every ledger in ``out``, and one of all of them, without measuring.

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
    """The result of every study with a ledger in ``out``, in the order of the catalog.

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
    make_folder(out)
    if path.exists():
        found = read_ledger(path)
        check_same(found, ledger, path)
        ledger = found
    ledger = adopt_rows(ledger, _siblings(chosen, out))
    total = seeds * len(claim.arms)
    for more in measure_missing(chosen, bench, ledger, seeds=seeds, limit=TimeLimit(seconds)):
        ledger = more
        write_text(path, to_json(ledger))
        progress(claim.name, min(len(ledger.rows), total), total)
    ledger = note_look(ledger)
    write_text(path, to_json(ledger))
    return _judge_ledger(ledger, seeds)


def _judge_ledger(ledger: StudyLedger, asked: int) -> StudyResult:
    return StudyResult(ledger, judge_claim(ledger.claim, ledger.rows, ledger.looks), asked)


def _siblings(chosen: Study, out: Path) -> list[StudyLedger]:
    """The ledgers of studies that share the measuring function."""
    names = [name for name, other in STUDIES.items() if other.measure is chosen.measure and other is not chosen]
    return [read_ledger(path) for name in names if (path := out / f"{name}.json").exists()]


def _bench(options: StudyOptions, progress: Progress) -> Bench:
    if options.data is None:
        found, augmentation = scan(_digits(options.cache)), DIGITS
    else:
        found, augmentation = group_near_duplicates(scan(options.data), options.cache, progress), Augmentation()
    return Bench(_part(found), augmentation, options.cache, partial(_prepare_run, options, augmentation))


def _digits(cache: Path) -> Path:
    """The folder of the digits, complete even if several studies begin at once."""
    folder = cache / "digits"
    if not folder.exists():
        make_folder(cache)
        try:
            with whole_folder(folder) as partial:
                write_digits(partial)
        except OSError as error:
            if not folder.exists():  # else another was quicker
                raise OutputError(f"{folder} cannot be written: {error.strerror or error}.") from error
    return folder


def _prepare_run(options: StudyOptions, augmentation: Augmentation, photos: PhotoSet, seed: int) -> TrainingRun:
    """A run of the strategies on those photos, with that seed."""
    chosen = TrainOptions(
        seed=seed,
        image_size=TRANSFER.image_size if options.data is None else None,
        augmentation=augmentation,
        cache=options.cache,
        cache_size=options.cache_size,
    )
    return prepare_training_run(lambda: photos, chosen)


def _part(found: PhotoSet, most: int = 1500) -> PhotoSet:
    """At most ``most``, so that a seed takes minutes, and the same ones every time; every class is reduced alike."""
    if len(found.photos) <= most:
        return found
    order = np.random.default_rng(0).permutation(len(found.photos))
    return replace(found, photos=tuple(found.photos[at] for at in sorted(order[:most])))


def _describe_photos(photos: PhotoSet, data: Path | None) -> Mapping[str, str | int]:
    """A description of the photos without their location."""
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
