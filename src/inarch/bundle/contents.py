"""The contents of a bundle, made from a run and its result: evaluation, report, notes, configuration and samples."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from inarch.bundle.reading import BundleConfig
from inarch.bundle.writing import BundleContents
from inarch.data.photos import UNEVEN, Photo, SkippedFile
from inarch.data.sidecars import sidecars_by_suffix
from inarch.data.spelling import distinguish_names, find_look_alikes
from inarch.data.split import counts_by_split
from inarch.metrics.answering import rule_for
from inarch.metrics.calibration import confidence_and_correct
from inarch.metrics.classification import JudgedPhotos, evaluate
from inarch.metrics.coverage import measure_coverage
from inarch.metrics.intervals import photos_until
from inarch.metrics.novelty import ood_scores
from inarch.metrics.records import Estimate, Evaluation
from inarch.metrics.softmax import softmax
from inarch.models import architecture
from inarch.report.raster import jpeg
from inarch.report.wording import count_of, shortened
from inarch.runtime.session import Graph
from inarch.transfer.records.report import TrainingReport
from inarch.transfer.run import StrategyResult, TrainingRun

VERSIONED = ("inarch", "torch", "torchvision", "onnxruntime", "numpy", "pillow", "scikit-learn")
SAMPLES_PER_CLASS = 3
SAMPLED_CLASSES = 8
WEIGHTING_NOTES = {
    "loss": "The training loss weighted every class equally, whatever its number of photos",
    "logit-adjustment": "Logit adjustment removed the bias of the predictions towards frequent classes",
}
BATCH = 16
WEIGHTED = (
    "Photos count by their sample weights in the training loss, the choice of settings and the calibration; accuracies "
    "and the abstention rule count each photo once."
)
UNTESTED = "There is no test set, so the test accuracy is unknown; `inarch evaluate` measures it."
GOLDEN_INPUTS = 4
"""The inputs on which every loading of a bundle tests its graph."""


def evaluate_graph(run: TrainingRun, outcome: StrategyResult) -> tuple[NDArray[np.float32], Evaluation]:
    """Logits and figures of the test photos, from the graph that is shipped."""
    with run.stopwatch.phase("evaluate"):
        logits, features = Graph(outcome.graph).over(_test_batches(run))
    probabilities = softmax(logits, outcome.temperature)
    figures = _figures(run, probabilities)
    if outcome.evidence is None:
        return logits, figures
    rule = rule_for(outcome.evidence)
    judged = *confidence_and_correct(probabilities, run.labels[run.test]), ood_scores(features, outcome.evidence.known)
    return logits, replace(figures, answered=measure_coverage(rule, *judged))


def _test_batches(run: TrainingRun) -> Iterator[NDArray[np.uint8]]:
    """The pixels of the test photos; of each batch it is told when the next is asked for."""
    for at in range(0, len(run.test), BATCH):
        yield run.stored.images[run.test[at : at + BATCH]]
        run.progress("evaluate", min(at + BATCH, len(run.test)), len(run.test))


def choose_golden_inputs(
    run: TrainingRun, logits: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A few test images, preprocessed, of as many classes as possible, and their logits."""
    chosen = _choose_of_each_class(run.labels[run.test])
    return run.stored.images[run.test[chosen]], logits[chosen]


def _choose_of_each_class(labels: NDArray[np.int64]) -> NDArray[np.intp]:
    """Places of `GOLDEN_INPUTS` photos, of as many classes as possible."""
    before: Counter[int] = Counter()
    turns = []
    for label in labels.tolist():
        turns.append(before[label])
        before[label] += 1
    return np.sort(np.argsort(turns, kind="stable")[:GOLDEN_INPUTS])


def untested_contents(run: TrainingRun, outcome: StrategyResult) -> BundleContents:
    """A bundle of a run that held no photos out to test on: without test figures, and without a page to show them.

    Its golden inputs are training photos. Where the photos lie is left out: they may have been arrays in memory.
    """
    golden = run.stored.images[run.train[_choose_of_each_class(run.labels[run.train])]]
    report = replace(training_report(run, outcome), root="", samples=(), notes=(UNTESTED, *notes_of(run, outcome)))
    return BundleContents(
        config=bundle_config(run, outcome),
        model=outcome.model,
        graph=outcome.graph,
        report=report,
        page=None,
        golden=(golden, Graph(outcome.graph)(golden)[0]),
        evidence=outcome.evidence,
    )


def _figures(run: TrainingRun, probabilities: NDArray[np.float64]) -> Evaluation:
    photos = [run.stored.photos.photos[row] for row in run.test]
    judged = JudgedPhotos(run.labels[run.test], [photo.path for photo in photos], run.classes, split=photos[0].split)
    return evaluate(probabilities, judged)


def training_report(
    run: TrainingRun,
    outcome: StrategyResult,
    evaluation: Evaluation | None = None,
    logits: NDArray[np.float32] | None = None,
) -> TrainingReport:
    """The run as one record.

    Args:
        run: the run.
        outcome: what came of it.
        evaluation: the figures of the test photos; None where there are none to test on.
        logits: those of the test photos.
    """
    start = run.start
    return TrainingReport(
        model=start.architecture,
        variant=architecture(start.architecture).variant,
        weights="random initialisation" if outcome.strategy == "scratch" else start.weights,
        cut=outcome.model.backbone.end,
        strategy=outcome.strategy,
        seed=run.options.seed,
        root=run.stored.photos.root,
        classes=run.classes,
        counts=counts_by_split(run.stored.photos),
        preprocessing=run.preprocessing,
        skipped=run.stored.photos.skipped,
        notes=notes_of(run, outcome),
        candidates=outcome.candidates,
        curves=outcome.curves,
        movements=outcome.movements,
        learned_from=run.learned_from,
        ranking=run.ranking,
        plan=run.plan,
        learning_curve=outcome.learning_curve,
        evaluation=evaluation,
        caveat="" if evaluation is None else caveat_of(run),
        evaluation_train=outcome.fitted,
        gap_at=None if evaluation is None else _photos_to_confirm_gap(evaluation.accuracy, outcome.fitted),
        temperature=outcome.temperature,
        phases=run.stopwatch.phases,
        versions=versions(),
        samples=_samples(run),
        calibration_error_before=None if logits is None else _figures(run, softmax(logits)).calibration_error,
    )


def _photos_to_confirm_gap(tested: Estimate, fitted: Estimate) -> int | None:
    """About how many test photos would make the gap to the training accuracy significant; None if it is, or is absent.

    Also None if no number of test photos would, because the training photos are too few.
    """
    if tested.value >= fitted.value or tested.high < fitted.low:
        return None
    return photos_until(tested.value, lambda known: known.high < fitted.low)


def bundle_config(run: TrainingRun, outcome: StrategyResult) -> BundleConfig:
    """The configuration from which the trained model can be built again."""
    start, scratch = run.start, outcome.strategy == "scratch"
    return BundleConfig(
        architecture=start.architecture,
        variant=architecture(start.architecture).variant,
        after=outcome.model.backbone.end,
        folded=start.folded and not scratch,
        strategy=outcome.strategy,
        weights="random initialisation" if scratch else start.weights,
        seed=run.options.seed,
        flip=run.options.augmentation.flip,
        versions=dict(versions()),
        class_weighting=run.options.class_weighting,
        gathered=list(outcome.model.backbone.gathered),
        near_duplicates=run.options.near_duplicates,
        group_by=run.options.group_by or "",
    )


def versions() -> tuple[tuple[str, str], ...]:
    """The packages whose versions affect a result."""
    return tuple((name, version(name)) for name in VERSIONED)


def thumbnails(run: TrainingRun, report: TrainingReport) -> dict[str, bytes]:
    """Small JPEGs of the mistakes and the samples, by path."""
    row_of = {photo.path: row for row, photo in enumerate(run.stored.photos.photos)}
    mistakes = () if report.evaluation is None else report.evaluation.mistakes
    paths = [*(mistake.path for mistake in mistakes), *(photo.path for photo in report.samples)]
    return {path: jpeg(run.stored.images[row_of[path]]) for path in paths}


def _samples(run: TrainingRun) -> tuple[Photo, ...]:
    """A few photos of the first classes."""
    photos = run.stored.photos.photos
    return tuple(
        photo
        for label in range(min(SAMPLED_CLASSES, len(run.classes)))
        for photo in [each for each in photos if each.label == label][:SAMPLES_PER_CLASS]
    )


def notes_of(run: TrainingRun, outcome: StrategyResult) -> tuple[str, ...]:
    """Notes for the user on the photos, the weights and the choices of the run."""
    notes = list(run.stored.photos.notes)
    splits = {photo.split for photo in run.stored.photos.photos}
    if {"val", "test"} <= splits:
        notes.append("The validation photos were used for training too: all choices were made by cross-validation.")
    if not run.start.pretrained:
        notes.append(
            "There were no pre-trained weights, so the model was trained from scratch. "
            "With few photos, pre-trained weights usually give a much higher accuracy."
        )
    elif outcome.strategy == "scratch":
        notes.append(
            f"The model was trained from scratch, as requested; the weights {run.start.weights} were not used."
        )
    notes += _photo_notes(run)
    if run.weights is not None:
        notes.append(WEIGHTED)
    return (*notes, *_size_notes(run), *outcome.notes)


def _photo_notes(run: TrainingRun) -> list[str]:
    """Notes on files and names."""
    notes = _skipped_notes(run.stored.photos.skipped)
    if twice := _count_shared_photos(run):
        notes.append(
            f"{twice} photos are in the training set and in the test set, byte for byte: this leakage inflates the "
            "accuracy. Remove them from one of the sets."
        )
    if same := _files_of_two_classes(run):
        notes.append(
            f"{count_of(len(same), 'file')} {'is' if len(same) == 1 else 'are'} in two classes, byte for byte, such as "
            f"{' and '.join(same[0])}: one of the labels is wrong. `inarch doctor` lists them."
        )
    if lacking := run.stored.photos.left_out:
        notes.append(
            f"{count_of(len(lacking), 'class', 'classes')} with too few photos (--min-photos) "
            f"{'was' if len(lacking) == 1 else 'were'} left out: {shortened([*map(repr, lacking)])}."
        )
    if pairs := [distinguish_names(first, name) for name, first in find_look_alikes(run.classes)]:
        more = f" (and {len(pairs) - 3} more pairs)" if len(pairs) > 3 else ""
        notes.append(f"Classes are easily confused: {'; '.join(pairs[:3])}{more}. If two are one, merge them.")
    notes += _near_duplicate_notes(run)
    return notes


def _size_notes(run: TrainingRun) -> list[str]:
    """Notes on the sizes of classes."""
    notes = []
    counts = np.bincount(run.labels[run.train], minlength=len(run.classes))
    smallest, largest = int(counts.min()), int(counts.max())
    if run.options.class_weighting != "none":
        notes.append(
            f"{WEIGHTING_NOTES[run.options.class_weighting]}; confidences assume equally frequent classes too."
        )
    elif largest >= UNEVEN * smallest:
        notes.append(
            f"Class imbalance: the largest class has {largest} training photos, the smallest {smallest}: predictions "
            "are biased towards large classes. See the balanced accuracy, or use --class-weighting logit-adjustment."
        )
    if smallest < 10:
        notes.append(f"The smallest class has {smallest} training photos; its figures are very uncertain.")
    return notes


def _files_of_two_classes(run: TrainingRun) -> list[tuple[str, str]]:
    """Two paths of each file that is there under two labels."""
    photos, first = run.stored.photos.photos, dict[str, Photo]()
    pairs = dict[str, tuple[str, str]]()
    for photo in photos:
        known = first.setdefault(photo.digest, photo)
        if known.label != photo.label:
            pairs.setdefault(photo.digest, (known.path, photo.path))
    return [*pairs.values()]


def _skipped_notes(skipped: Sequence[SkippedFile]) -> list[str]:
    """The files that could not be used, those of other kinds by their suffix."""
    notes = []
    groups = sidecars_by_suffix(skipped)
    if others := len(skipped) - sum(map(len, groups.values())):
        notes.append(f"{count_of(others, 'file')} could not be used; the list of skipped files gives the reasons.")
    if groups:
        counts = ", ".join(f"{len(files)} {suffix}" for suffix, files in groups.items())
        notes.append(f"Next to the photos are files of other kinds, which were not read: {counts}.")
    return notes


def _parted_clusters(run: TrainingRun) -> tuple[list[tuple[str, ...]], int]:
    """The clusters of near-duplicates on both sides of the split, and the number of test photos in them."""
    tested = {run.stored.photos.photos[row].path for row in run.test}
    learned = {run.stored.photos.photos[row].path for row in run.train}
    parted = [each for each in run.stored.photos.alike if not tested.isdisjoint(each) and not learned.isdisjoint(each)]
    return parted, sum(path in tested for cluster in parted for path in cluster)


def caveat_of(run: TrainingRun) -> str:
    """The reason why the test accuracy cannot be trusted; empty if there is none.

    The photos of a fixed camera, of one product or of a video may all look alike, so that test photos resemble training
    photos however they are split.
    """
    _, leaked = _parted_clusters(run)
    divided = run.stored.photos.divided
    if 2 * leaked < len(run.test) and not divided:
        return ""
    of = f" (all of {shortened([*map(repr, divided)])} look alike)" if divided else ""
    return (
        f"{leaked} of {count_of(len(run.test), 'test photo')} are near-duplicates of training photos{of}. Add photos "
        "taken at other times or places, and test on those."
    )


def _near_duplicate_notes(run: TrainingRun) -> list[str]:
    """The near-duplicates that were kept together, and those that are on both sides of the split."""
    alike = run.stored.photos.alike
    if not alike:
        return []
    parted, leaked = _parted_clusters(run)
    if parted:
        return [
            f"{count_of(leaked, 'test photo')} are near-duplicates of training photos, such as "
            f"{' and '.join(parted[0][:2])}: this leakage inflates the accuracy. `inarch doctor` lists them."
        ]
    return [
        f"{count_of(sum(map(len, alike)), 'photo')} in {count_of(len(alike), 'cluster')} are near-duplicates, such as "
        f"{' and '.join(alike[0][:2])}: each cluster was kept on one side of the split."
    ]


def _count_shared_photos(run: TrainingRun) -> int:
    """The number of test photos that are also training photos."""
    learned = {run.digests[row] for row in run.train}
    return sum(run.digests[row] in learned for row in run.test)
