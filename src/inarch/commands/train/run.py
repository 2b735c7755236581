"""``inarch train``: from labelled photos to a bundle."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inarch import clock
from inarch.bundle.contents import (
    bundle_config,
    choose_golden_inputs,
    evaluate_graph,
    thumbnails,
    training_report,
)
from inarch.bundle.reading import Bundle
from inarch.bundle.starting import backbones_of, keep_usable, load_backbone
from inarch.bundle.writing import BundleContents, check_output, write_bundle
from inarch.commands.train.curves import strategy_curves
from inarch.commands.train.leakage import measure_leakage
from inarch.commands.train.plan import PlanInputs, plan
from inarch.commands.train.report import to_html
from inarch.commands.train.strategies.registry import strategy
from inarch.commands.train.strategies.tuning import obstacle_to, tail_obstacle
from inarch.data.labels import PhotoLabels
from inarch.data.photos import PhotoSet, Preprocessing
from inarch.data.scan import scan_unlabelled
from inarch.data.split import groups_of, reported_split, training_photos
from inarch.data.store import StoredPhotos, store
from inarch.errors import PhotosError, UserError
from inarch.progress import Progress, ignore_progress
from inarch.storage.cache_size import in_use
from inarch.storage.files import check_outside
from inarch.storage.home import expand
from inarch.training.device import find_device
from inarch.transfer.features import Prefix
from inarch.transfer.options import TrainOptions
from inarch.transfer.photos import MOST_SEARCHED, find_photos
from inarch.transfer.ranking import BackboneOption, other_sizes, rank, typical_side
from inarch.transfer.records.learning import LeakageMeasurement
from inarch.transfer.records.plan import Plan
from inarch.transfer.records.ranking import Ranking
from inarch.transfer.records.report import TrainingReport
from inarch.transfer.run import (
    TrainingRun,
    find_rarest_class,
)
from inarch.transfer.stopwatch import Stopwatch

CURVES = 0.5
"""The share of the time budget for learning curves, if they are requested."""
UNSEARCHED = (
    f"Near-duplicates are not detected among more than {MOST_SEARCHED:,} photos, so there may be train/test leakage. "
    "`inarch doctor` finds them, and its manifest keeps them on one side of the split."
)
UNTIMED = (
    "This run is deterministic, as requested: it ignores wall-clock time and the time budget, and times read 0. The "
    "same photos, options and machine give the same bundle, byte by byte."
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
        out: the folder of the bundle.
        options: how to train; the defaults if None.
        progress: called with a phase's name, the finished and the total number of steps.
        announce: called with the plan before training: the expected run time and accuracy of each strategy.

    Raises:
        UserError: the photos, the weights, the output folder or an option cannot be used; the message says why.
        WorkError: the training failed.
    """
    options = options or TrainOptions()
    strategy(options.strategy)
    check_outside(expand(out), photos, options.unlabelled)
    check_output(expand(out))
    timed = clock.only_counting() if options.deterministic else contextlib.nullcontext()
    with in_use(options.cache, options.cache_size), timed:
        return write_bundle(expand(out), _run_training(photos, options, progress, announce))


def _run_training(
    photos: str | Path, options: TrainOptions, progress: Progress, announce: Callable[[Plan], object]
) -> BundleContents:
    budget = options.time_budget * (1 - CURVES) if options.learning_curves else options.time_budget
    run = prepare_training_run(
        lambda: find_photos(photos, options, progress),
        replace(options, time_budget=budget),
        progress,
        lambda plan: announce(_add_curves_note(plan, options)),
    )
    if not len(run.test):
        raise PhotosError("None of the test photos can be read; add readable photos to the test or val split.")
    leakage = _measure_leakage(run) if options.measure_leakage else None
    outcome = strategy(options.strategy)(run)
    curves = None
    if options.learning_curves:
        curves = strategy_curves(run, options.time_budget - run.stopwatch.total)
    run = outcome.run or run
    logits, evaluation = evaluate_graph(run, outcome)
    report = replace(training_report(run, outcome, evaluation, logits), strategy_curves=curves, leakage=leakage)
    report = _add_option_notes(report, run)
    return BundleContents(
        config=bundle_config(run, outcome),
        model=outcome.model,
        graph=outcome.graph,
        report=report,
        page=to_html(report, thumbnails(run, report)),
        golden=choose_golden_inputs(run, logits),
        evidence=outcome.evidence,
    )


def _add_option_notes(report: TrainingReport, run: TrainingRun) -> TrainingReport:
    """The report, with what the options made of the run."""
    if run.options.near_duplicates and len(run.stored.photos.photos) > MOST_SEARCHED:
        report = replace(report, notes=(*report.notes, UNSEARCHED))
    return _strip_times(report) if run.options.deterministic else report


def _strip_times(report: TrainingReport) -> TrainingReport:
    """The report without times, and a note that says so."""
    ranking = report.ranking
    if ranking is not None:
        ranking = replace(ranking, backbones=tuple(replace(each, photos_per_second=0.0) for each in ranking.backbones))
    return replace(report, notes=(UNTIMED, *report.notes), plan=None, phases=(), ranking=ranking)


def _add_curves_note(plan: Plan, options: TrainOptions) -> Plan:
    """The plan with a note on learning curves, which it does not cover."""
    if not options.learning_curves:
        return plan
    note = f"Learning curves are extra: they take the rest of {options.time_budget:.0f} s, and at least half."
    return replace(plan, notes=(*plan.notes, note))


def prepare_training_run(
    find: Callable[[], PhotoSet],
    options: TrainOptions,
    progress: Progress = ignore_progress,
    announce: Callable[[Plan], object] | None = None,
) -> TrainingRun:
    """Everything that a strategy needs: the decoded photos, their splits, and the backbone.

    Args:
        find: gives the photos, with splits.
        options: how to train.
        progress: called with a phase's name, the finished and the total number of steps.
        announce: called with the plan; without it no plan is made, and of several backbones the usual one is taken.
    """
    stopwatch = Stopwatch()
    find_device(options.device)
    with stopwatch.phase("weights"):
        available = backbones_of(options, ranking=announce is not None)
    with stopwatch.phase("scan"):
        found = find()
        others = None if options.unlabelled is None else _find_unlabelled(options, found)
    backbones = _fitting_backbones(available, found, options)
    chosen, ranked, promised = backbones[0], None, None
    if announce is not None and chosen.start.pretrained and options.strategy != "scratch":
        with stopwatch.phase("plan"):
            chosen, ranked = choose_backbone(found, backbones, options, progress)
        with stopwatch.phase("plan"):  # again, because the stopwatch holds ended phases only
            promised = _make_plan(_plan_inputs(found, others, chosen, ranked, options), stopwatch.total)
        chosen = chosen.cut_after(promised.cut)
        announce(promised)
    with stopwatch.phase("decode"):
        stored, unlabelled = _decode(found, others, chosen.preprocessing, options, progress)
    learned, held = _rows(stored)
    run = TrainingRun(
        stored=stored, train=learned, test=held, start=chosen.start, preprocessing=chosen.preprocessing, options=options
    )
    return replace(run, ranking=ranked, plan=promised, unlabelled=unlabelled, progress=progress, stopwatch=stopwatch)


def _fitting_backbones(
    backbones: Sequence[BackboneOption], found: PhotoSet, options: TrainOptions
) -> Sequence[BackboneOption]:
    """Those whose photos fit into the cache; a model trained from scratch suits the size of the photos, unless named.

    Raises:
        UserError: none fits.
    """
    if options.strategy == "scratch" and not options.names_backbone:
        backbones = [_backbone_for_size(found, options)]
    photos = len({photo.digest for photo in found.photos})
    return keep_usable(backbones, partial(_require_cache_fit, photos=photos, cache_size=options.cache_size))


def _decode(
    found: PhotoSet, others: PhotoSet | None, preprocessing: Preprocessing, options: TrainOptions, progress: Progress
) -> tuple[StoredPhotos, StoredPhotos | None]:
    """The photos with labels and, where there are some, those without."""
    decode = partial(store, preprocessing=preprocessing, cache=options.cache, on_progress=partial(progress, "decode"))
    return decode(found), None if others is None else decode(others)


def _find_unlabelled(options: TrainOptions, labelled: PhotoSet) -> PhotoSet:
    """The unlabelled photos that are neither training nor test photos; of many, a sample."""
    folder = options.unlabelled or Path()
    found = scan_unlabelled(folder)
    known = {photo.digest for photo in labelled.photos}
    others = tuple(photo for photo in found.photos if photo.digest not in known)  # in the order of their digests
    if not others:
        raise PhotosError(f"All photos in {folder} are among the labelled ones; name a folder with other photos.")
    return replace(found, photos=others[: options.recipes.self_training.most_photos])


def choose_backbone(
    found: PhotoSet, backbones: Sequence[BackboneOption], options: TrainOptions, progress: Progress
) -> tuple[BackboneOption, Ranking]:
    """The backbone that suits the photos and the time, then its image size."""
    chosen, ranked = rank(found, backbones, options, progress)
    if options.image_size is not None or not (sizes := other_sizes(chosen, ranked, found, options)):
        return chosen, ranked
    resized, again = rank(found, [chosen, *sizes], options, progress, count=ranked.sampled)
    others = tuple(replace(each, chosen=False) for each in ranked.backbones if not each.chosen)
    every = sorted((*again.backbones, *others), key=lambda each: -each.photos_per_second)
    return resized, replace(again, backbones=tuple(every))


def _plan_inputs(
    found: PhotoSet, others: PhotoSet | None, chosen: BackboneOption, ranked: Ranking, options: TrainOptions
) -> PlanInputs:
    """The facts that a plan is made from."""
    return PlanInputs(
        found=found,
        unlabelled=others,
        start=chosen.start,
        preprocessing=chosen.preprocessing,
        ranking=ranked,
        prefix=chosen.prefix(options.cache),
        options=options,
        spent=0.0,
    )


def _make_plan(inputs: PlanInputs, spent: float) -> Plan:
    """The expected run time and accuracy of each strategy, after ``spent`` seconds."""
    learned = training_photos(inputs.found)
    labels = np.array([photo.label for photo in learned])
    rarest = find_rarest_class(inputs.found.classes, labels, groups_of(learned))
    inputs = replace(inputs, spent=spent, obstacle=obstacle_to(inputs.options, rarest))
    obstacle = partial(tail_obstacle, options=inputs.options, preprocessing=inputs.preprocessing, photos=len(learned))
    return plan(inputs, obstacle)


def _backbone_for_size(found: PhotoSet, options: TrainOptions) -> BackboneOption:
    """A randomly initialised model that suits the size of the photos."""
    name, side = options.recipes.scratch.model_for(typical_side(found))
    return load_backbone(replace(options, model=name, image_size=options.image_size or side), strategy="scratch")


def _check_cache_size(photos: int, side: int, size: int) -> None:
    """Refuse a dataset that cannot fit into the cache, before any photo is decoded."""
    needed = 3 * photos * side**2
    if needed > size:
        raise UserError(
            f"{photos:,} decoded photos of {side} x {side} pixels take {needed / 1e9:.2f} GB, and the cache may hold "
            f"{size / 1e9:.2f} GB: enlarge it (--cache-size), or use smaller images (--image-size)."
        )


def _require_cache_fit(backbone: BackboneOption, *, photos: int, cache_size: int) -> BackboneOption:
    _check_cache_size(photos, backbone.preprocessing.image_size, cache_size)
    return backbone


def _measure_leakage(run: TrainingRun) -> LeakageMeasurement:
    """Leakage across all photos, the test set included."""
    if not run.start.pretrained:
        raise UserError("--measure-leakage needs a pre-trained backbone, and there is none; name one, or leave it out.")
    with run.stopwatch.phase("leakage"):
        prefix = Prefix(run.start.backbone, run.start.digest, run.preprocessing, None, run.options.cache)
        every = np.arange(len(run.labels))
        seen = prefix.view(0, run.options.augmentation).compute(run.stored, every, partial(run.progress, "leakage"))
        features = seen[prefix.output(prefix.stages[-1])][:]
        photos = PhotoLabels(run.labels, run.groups, len(run.classes))
        return measure_leakage(features, photos, seed=run.options.seed, recipe=run.options.recipes.probe)


def _rows(stored: StoredPhotos) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of the training set and of the test set or, without a test split, of the validation split.

    If there are both, the validation photos join the training set: every choice is made by cross-validation.
    """
    splits = np.array([photo.split for photo in stored.photos.photos])
    name = reported_split(stored.photos)
    return np.flatnonzero(splits != name), np.flatnonzero(splits == name)
