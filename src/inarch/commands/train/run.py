"""Photos in, bundle out."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from inarch import clock
from inarch.bundle.model import means_bundle
from inarch.bundle.reading import Bundle, read_bundle
from inarch.bundle.writing import BundleContents, check_output, write_bundle
from inarch.commands.train.curves import strategy_curves
from inarch.commands.train.leakage import measure_leakage
from inarch.commands.train.plan import PlanInputs, plan
from inarch.commands.train.report import to_html
from inarch.commands.train.reporting import (
    bundle_config,
    choose_golden_inputs,
    evaluate_graph,
    thumbnails,
    training_report,
)
from inarch.commands.train.strategies.finetune import obstacle_to
from inarch.commands.train.strategies.registry import strategy
from inarch.commands.train.strategies.scratch import choose_scratch_model
from inarch.commands.train.unlabelled import MOST_PHOTOS
from inarch.data.duplicate_search import group_near_duplicates
from inarch.data.grouping import group_photos
from inarch.data.photos import PhotoSet, Preprocessing
from inarch.data.scan import scan, scan_unlabelled
from inarch.data.split import groups_of, reported_split, split, training_photos
from inarch.data.store import StoredPhotos, store
from inarch.errors import PhotosError, UserError
from inarch.models import (
    Classifier,
    architecture,
    build,
    linear_head,
)
from inarch.models.anatomy.trace import trace
from inarch.progress import Progress, ignore_progress
from inarch.storage.cache_size import in_use
from inarch.transfer.backbones import RANDOM, list_available_models, starting_point
from inarch.transfer.cuts import check_cut
from inarch.transfer.features import Prefix
from inarch.transfer.options import TrainOptions
from inarch.transfer.ranking import Option, other_sizes, rank, typical_side
from inarch.transfer.records.learning import LeakageMeasurement
from inarch.transfer.records.plan import Plan
from inarch.transfer.records.ranking import Ranking
from inarch.transfer.records.report import TrainingReport
from inarch.transfer.run import (
    StartingPoint,
    Stopwatch,
    TrainingRun,
    find_rarest_class,
)

A = TypeVar("A")
B = TypeVar("B")

SMALL_IMAGE = 128
"""Image size when a large net learns from scratch: on a CPU, photos seen more often beat photos seen larger."""
CURVES = 0.5
"""Of the time budget goes into learning curves, where they are asked for."""
MOST_SEARCHED = 10_000
"""Every photo is compared with every other: among more of them, near-duplicates are looked for by `doctor` alone."""
UNSEARCHED = (
    f"Among more than {MOST_SEARCHED:,} photos near-duplicates are not looked for: some may stand on both sides of the "
    "split. `inarch doctor` finds them, and its manifest keeps them together."
)
UNTIMED = (
    "The clock decides nothing in this run, as asked: what pays is tried and learned to its end, the time budget is "
    "not obeyed, and times read 0. The same photos, options and machine give the same bundle, byte by byte."
)


def train(
    photos: str | Path,
    out: str | Path,
    options: TrainOptions | None = None,
    progress: Progress = ignore_progress,
    announce: Callable[[Plan], object] = lambda plan: None,
) -> Bundle:
    """Train a classifier on labelled photos and write it as a bundle.

    Args:
        photos: a folder of class folders, one holding ``train/ val/ test/``, or a CSV manifest.
        out: the bundle's folder.
        options: how.
        progress: called with a phase's name, what is done, and what there is to do.
        announce: called with what each strategy should take and reach, before it starts.

    Raises:
        UserError: the photos, the weights, the output folder or an option cannot be used; the message says why.
        WorkError: the training itself failed.
    """
    options = options or TrainOptions()
    strategy(options.strategy)
    check_output(Path(out))
    timed = clock.only_counting() if options.deterministic else contextlib.nullcontext()
    with in_use(options.cache, options.cache_size), timed:
        return write_bundle(Path(out), _run_training(photos, options, progress, announce))


def _run_training(
    photos: str | Path, options: TrainOptions, progress: Progress, announce: Callable[[Plan], object]
) -> BundleContents:
    budget = options.time_budget * (1 - CURVES) if options.learning_curves else options.time_budget
    job = prepare_training_run(
        lambda: find_photos(
            photos,
            seed=options.seed,
            cache=options.cache,
            near_duplicates=options.near_duplicates,
            group_by=options.group_by,
            progress=progress,
        ),
        replace(options, time_budget=budget),
        progress,
        lambda plan: announce(_add_curves_note(plan, options)),
    )
    if not len(job.test):
        raise PhotosError("None of the photos to test on can be read; add readable ones to the test or val split.")
    leakage = _measure_leakage(job) if options.measure_leakage else None
    outcome = strategy(options.strategy)(job)
    curves = None
    if options.learning_curves:
        curves = strategy_curves(job, options.time_budget - job.stopwatch.total)
    job = outcome.job or job
    logits, evaluation = evaluate_graph(job, outcome)
    report = replace(training_report(job, outcome, evaluation, logits), strategy_curves=curves, leakage=leakage)
    if options.near_duplicates and len(job.stored.photos.photos) > MOST_SEARCHED:
        report = replace(report, notes=(*report.notes, UNSEARCHED))
    if options.deterministic:
        report = _strip_times(report)
    return BundleContents(
        config=replace(
            bundle_config(job, outcome), near_duplicates=options.near_duplicates, group_by=options.group_by or ""
        ),
        model=outcome.model,
        graph=outcome.graph,
        report=report,
        page=to_html(report, thumbnails(job, report)),
        golden=choose_golden_inputs(job, logits),
        evidence=outcome.evidence,
    )


def _strip_times(report: TrainingReport) -> TrainingReport:
    """The report without what only a clock knows, and a note that says so."""
    ranking = report.ranking
    if ranking is not None:
        ranking = replace(ranking, backbones=tuple(replace(each, photos_per_second=0.0) for each in ranking.backbones))
    return replace(report, notes=(UNTIMED, *report.notes), plan=None, phases=(), ranking=ranking)


def _add_curves_note(plan: Plan, options: TrainOptions) -> Plan:
    """The plan, which knows nothing of learning curves, and what these take."""
    if not options.learning_curves:
        return plan
    note = f"Learning curves come on top: they take what is left of {options.time_budget:.0f} s, and half at least."
    return replace(plan, notes=(*plan.notes, note))


def prepare_training_run(
    find: Callable[[], PhotoSet],
    options: TrainOptions,
    progress: Progress = ignore_progress,
    announce: Callable[[Plan], object] | None = None,
) -> TrainingRun:
    """Everything that a strategy needs: photos found, split and decoded, and the backbone to start from.

    Args:
        find: the photos, with splits.
        options: how to train.
        progress: called with a phase's name, what is done, and what there is to do.
        announce: called with the plan; without it none is made, and where the options name no backbone, the usual
            one is taken and not the best of those at hand.
    """
    stopwatch = Stopwatch()
    with stopwatch.phase("weights"):
        choices = choices_of(options, ranking=announce is not None)
    with stopwatch.phase("scan"):
        found = find()
        others = None if options.unlabelled is None else _find_unlabelled(options.unlabelled, found)
    if options.strategy == "scratch" and not _is_named(options):
        choices = [_choice_for_size(found, options)]
    photos = len({photo.digest for photo in found.photos})
    choices = _keep_usable(choices, partial(_require_cache_fit, photos=photos, cache_size=options.cache_size))
    start, preprocessing = choices[0]
    ranked, promised = None, None
    if announce is not None and start.pretrained and options.strategy != "scratch":
        with stopwatch.phase("plan"):
            chosen, ranked = choose_backbone(found, choices, options, progress)
            start, preprocessing = chosen.start, chosen.preprocessing
        with stopwatch.phase("plan"):  # anew, for the stopwatch knows ended phases alone
            promised = _make_plan(found, others, chosen, ranked, options, stopwatch.total)
            start = replace(start, cut_after=promised.cut)
        announce(promised)
    with stopwatch.phase("decode"):
        stored = store(found, preprocessing, options.cache, lambda done, total: progress("decode", done, total))
        unlabelled = None
        if others is not None:
            unlabelled = store(others, preprocessing, options.cache, partial(progress, "decode"))
    learned, held = _rows(stored)
    return TrainingRun(
        stored=stored,
        train=learned,
        test=held,
        start=start,
        preprocessing=preprocessing,
        augmentation=options.augmentation,
        cache=options.cache,
        views=1 + options.augmented_copies,
        cache_size=options.cache_size,
        seed=options.seed,
        class_weighting=options.class_weighting,
        time_budget=options.time_budget,
        resume=options.resume,
        named=_is_named(options),
        ranking=ranked,
        plan=promised,
        unlabelled=unlabelled,
        progress=progress,
        stopwatch=stopwatch,
    )


def _find_unlabelled(folder: Path, labelled: PhotoSet) -> PhotoSet:
    """The photos in ``folder`` but those that are learned from, or reported on, already; of many, a part."""
    found = scan_unlabelled(folder)
    known = {photo.digest for photo in labelled.photos}
    others = tuple(photo for photo in found.photos if photo.digest not in known)  # in the order of their digests
    if not others:
        raise PhotosError(f"All photos in {folder} are among those with labels; there is nothing to add.")
    return replace(found, photos=others[:MOST_PHOTOS])


def _is_named(options: TrainOptions) -> bool:
    return options.model is not None or options.weights is not None


def choose_backbone(
    found: PhotoSet, choices: Sequence["Choice"], options: TrainOptions, progress: Progress
) -> tuple[Option, Ranking]:
    """The backbone that suits the photos and the time, then the image size at which it does."""
    look = partial(
        rank,
        found,
        cache=options.cache,
        seed=options.seed,
        class_weighting=options.class_weighting,
        time_budget=options.time_budget,
        progress=progress,
    )
    chosen, ranked = look([Option(*each) for each in choices])
    if options.image_size is not None or not (sizes := other_sizes(chosen, ranked, found, options.time_budget)):
        return chosen, ranked
    resized, again = look([chosen, *sizes], count=ranked.sampled)
    others = tuple(replace(each, chosen=False) for each in ranked.backbones if not each.chosen)
    every = sorted((*again.backbones, *others), key=lambda each: -each.photos_per_second)
    return resized, replace(again, backbones=tuple(every))


def _make_plan(
    found: PhotoSet,
    others: PhotoSet | None,
    chosen: Option,
    ranked: Ranking,
    options: TrainOptions,
    spent: float,
) -> Plan:
    """What each strategy should take and reach, with ``spent`` seconds gone."""
    learned = training_photos(found)
    rarest = find_rarest_class(found.classes, np.array([photo.label for photo in learned]), groups_of(learned))
    start, preprocessing = chosen.start, chosen.preprocessing
    course = PlanInputs(
        found=found,
        unlabelled=others,
        start=start,
        preprocessing=preprocessing,
        ranking=ranked,
        named=_is_named(options),
        prefix=chosen.prefix(options.cache),
        augmentation=options.augmentation,
        views=1 + options.augmented_copies,
        time_budget=options.time_budget,
        spent=spent,
        seed=options.seed,
    )
    obstacle = partial(
        obstacle_to,
        preprocessing=preprocessing,
        rarest=rarest,
        photos=(1 + options.augmented_copies) * len(learned),
        cache_size=options.cache_size,
    )
    return plan(course, options.strategy, obstacle)


def _choice_for_size(found: PhotoSet, options: TrainOptions) -> "Choice":
    """A fresh net that suits the size of the photos."""
    name, side = choose_scratch_model(typical_side(found))
    return _choice(replace(options, model=name, image_size=options.image_size or side), strategy="scratch")


def _check_cache_size(photos: int, side: int, size: int) -> None:
    """Refuse, before any photo is decoded, what cannot fit."""
    needed = 3 * photos * side**2
    if needed > size:
        raise UserError(
            f"{photos:,} photos of {side} x {side} pixels take {needed / 1e9:.2f} GB decoded, and the cache may hold "
            f"{size / 1e9:.2f} GB: give it more (--cache-size), or take smaller images (--image-size)."
        )


def find_photos(
    photos: str | Path,
    *,
    seed: int,
    cache: Path,
    near_duplicates: bool = True,
    group_by: str | None = None,
    progress: Progress = ignore_progress,
) -> PhotoSet:
    """The photos of a folder or a manifest, split; a bundle lists one class a line, so no name may need two.

    Among more than `MOST_SEARCHED` photos near-duplicates are not looked for; otherwise arguments are as in
    `TrainOptions`.

    Raises:
        PhotosError: they are not arranged in a way that is known, or cannot be split.
        UserError: ``group_by`` is no way of grouping.
    """
    found = scan(photos)
    if group_by is not None:
        found = group_photos(found, group_by)
    if near_duplicates and len(found.photos) <= MOST_SEARCHED:
        found = group_near_duplicates(found, cache, progress)
    found = split(found, seed=seed)
    broken = [name for name in found.classes if len(name.splitlines()) != 1 or name != name.strip()]
    if broken:
        raise PhotosError(f"A class name must be one line without spaces around it; rename {broken[0]!r}.")
    return found


Choice = tuple[StartingPoint, Preprocessing]


def _expand_options(options: TrainOptions, *, ranking: bool) -> list[TrainOptions]:
    """The options, or one for each backbone at hand where they name none, the usual one first."""
    if not ranking or _is_named(options) or options.strategy == "scratch":
        return [options]
    return [replace(options, model=name) for name in list_available_models()] or [options]


def choices_of(options: TrainOptions, *, ranking: bool) -> list[Choice]:
    """The backbone that the options name; with ``ranking``, where they name none, all that are at hand.

    Raises:
        UserError: none can be used.
    """
    return _keep_usable(_expand_options(options, ranking=ranking), partial(_choice, strategy=options.strategy))


def _choice(options: TrainOptions, *, strategy: str) -> Choice:
    start, preprocessing = _start(options)
    if options.freeze_until is not None:
        start = _set_cut(start, options.freeze_until)
    _check_image_size(start, preprocessing.image_size, strategy)
    return start, preprocessing


def _set_cut(start: StartingPoint, cut: str) -> StartingPoint:
    if not start.pretrained:
        raise UserError(
            f"There is nothing to fine-tune: no weights were given for {start.architecture}. Leave --freeze-until "
            "out, or name weights."
        )
    check_cut(start.backbone, cut)
    return replace(start, cut_after=cut)


def _require_cache_fit(choice: Choice, *, photos: int, cache_size: int) -> Choice:
    _check_cache_size(photos, choice[1].image_size, cache_size)
    return choice


def _keep_usable(given: Sequence[A], step: Callable[[A], B]) -> list[B]:
    """What ``step`` makes of each of them; one that nobody named and that cannot be used does not stop the others.

    Raises:
        UserError: none can be used; says why the first cannot.
    """
    passed: list[B] = []
    errors: list[UserError] = []
    for each in given:
        try:
            passed.append(step(each))
        except UserError as error:
            errors.append(error)
    if not passed:
        raise errors[0]
    return passed


def _start(options: TrainOptions) -> tuple[StartingPoint, Preprocessing]:
    """The backbone, and the preprocessing under which its weights were trained."""
    if options.model is not None and means_bundle(options.model):
        if options.weights is not None:
            raise UserError("A bundle brings its own weights; leave out --weights, or name a model instead.")
        bundle = read_bundle(options.model)
        start = starting_point(bundle.config.architecture, bundle.weights())
        return start, replace(bundle.preprocessing, image_size=_size(options, bundle.preprocessing.image_size))
    is_wasted = options.weights is None and options.strategy == "scratch"
    start = starting_point(options.model, RANDOM if is_wasted else options.weights)
    row = architecture(start.architecture)
    usual = start.image_size or (row.image_size if start.pretrained else min(row.image_size, SMALL_IMAGE))
    size = _size(options, usual)
    return start, Preprocessing(image_size=size, mean=row.mean, std=row.std)


def _size(options: TrainOptions, usual: int) -> int:
    return usual if options.image_size is None else options.image_size


def _check_image_size(start: StartingPoint, image_size: int, strategy: str) -> None:
    """Refuse, before any photo is decoded, images that shrink to nothing inside the net."""
    whole = strategy == "scratch" or not start.pretrained
    backbone = build(start.architecture, device="meta").backbone if whole else start.backbone
    trace(Classifier(backbone, linear_head(backbone.channels, 1)), name=start.architecture, image_size=image_size)


def _measure_leakage(job: TrainingRun) -> LeakageMeasurement:
    """Measured on all photos: those that are held out for the test are needed to see what would leak from them."""
    if not job.start.pretrained:
        raise UserError("--measure-leakage fits a probe on features, and a net from scratch has none: name a backbone.")
    with job.stopwatch.phase("leak tax"):
        prefix = Prefix(job.start.backbone, job.start.digest, job.preprocessing, None, job.cache)
        every = np.arange(len(job.labels))
        seen = prefix.view(0, job.augmentation).compute(job.stored, every, partial(job.progress, "leak tax"))
        features = seen[prefix.output(prefix.stages[-1])][:]
        return measure_leakage(features, job.labels, job.groups, classes=len(job.classes), seed=job.seed)


def _rows(stored: StoredPhotos) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows to learn from, and rows to report on: the test split or, where there is none, the validation split.

    Where there are both, the validation photos are learned from: every choice is made by cross-validation.
    """
    splits = np.array([photo.split for photo in stored.photos.photos])
    name = reported_split(stored.photos)
    return np.flatnonzero(splits != name), np.flatnonzero(splits == name)
