"""From what a run did to the records that its bundle and its report are made of."""

from collections import Counter
from dataclasses import replace
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from inarch.bundle.reading import BundleConfig
from inarch.data.photos import UNEVEN, Photo
from inarch.data.split import counts_by_split
from inarch.metrics.answering import rule_for
from inarch.metrics.calibration import confidence_and_correct
from inarch.metrics.classification import evaluate
from inarch.metrics.coverage import measure_coverage
from inarch.metrics.intervals import photos_until
from inarch.metrics.novelty import ood_scores
from inarch.metrics.records import Estimate, Evaluation
from inarch.metrics.softmax import softmax
from inarch.models import architecture
from inarch.report.raster import jpeg
from inarch.report.wording import count_of
from inarch.runtime.session import Graph
from inarch.transfer.records.report import TrainingReport
from inarch.transfer.run import StrategyResult, TrainingRun

VERSIONED = ("inarch", "torch", "torchvision", "onnxruntime", "numpy", "pillow", "scikit-learn")
SAMPLES_PER_CLASS = 3
SAMPLED_CLASSES = 8
WEIGHTING_NOTES = {
    "loss": "Every class counted alike in training, however many photos it has",
    "logit-adjustment": "Answers do not lean towards the classes with many photos",
}
BATCH = 16
GOLDEN_INPUTS = 4
"""They run whenever a bundle is loaded."""


def evaluate_graph(job: TrainingRun, outcome: StrategyResult) -> tuple[NDArray[np.float32], Evaluation]:
    """Logits and figures of the test photos, from the very graph that is shipped."""
    with job.stopwatch.phase("evaluate"):
        graph = Graph(outcome.graph)
        parts = []
        for at in range(0, len(job.test), BATCH):
            parts.append(graph(job.stored.images[job.test[at : at + BATCH]]))
            job.progress("evaluate", min(at + BATCH, len(job.test)), len(job.test))
        logits, features = map(np.concatenate, zip(*parts, strict=True))
    probabilities = softmax(logits, outcome.temperature)
    figures = _figures(job, probabilities)
    if outcome.evidence is None:
        return logits, figures
    rule = rule_for(outcome.evidence)
    judged = *confidence_and_correct(probabilities, job.labels[job.test]), ood_scores(features, outcome.evidence.known)
    return logits, replace(figures, answered=measure_coverage(rule, *judged))


def choose_golden_inputs(
    job: TrainingRun, logits: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A few test photos as the net sees them, of as many classes as there can be, and their logits."""
    before: Counter[int] = Counter()
    turns = []
    for label in job.labels[job.test].tolist():
        turns.append(before[label])
        before[label] += 1
    chosen = np.sort(np.argsort(turns, kind="stable")[:GOLDEN_INPUTS])
    return job.stored.images[job.test[chosen]], logits[chosen]


def _figures(job: TrainingRun, probabilities: NDArray[np.float64]) -> Evaluation:
    photos = [job.stored.photos.photos[row] for row in job.test]
    return evaluate(
        probabilities,
        job.labels[job.test],
        classes=job.classes,
        paths=[photo.path for photo in photos],
        split=photos[0].split,
    )


def training_report(
    job: TrainingRun, outcome: StrategyResult, evaluation: Evaluation, logits: NDArray[np.float32]
) -> TrainingReport:
    """The whole run as one record; ``logits`` are those of the test photos."""
    start = job.start
    return TrainingReport(
        model=start.architecture,
        variant=architecture(start.architecture).variant,
        weights="random initialisation" if outcome.strategy == "scratch" else start.weights,
        cut=outcome.model.backbone.end,
        strategy=outcome.strategy,
        seed=job.seed,
        root=job.stored.photos.root,
        classes=job.classes,
        counts=counts_by_split(job.stored.photos),
        preprocessing=job.preprocessing,
        skipped=job.stored.photos.skipped,
        notes=notes_of(job, outcome),
        candidates=outcome.candidates,
        curves=outcome.curves,
        movements=outcome.movements,
        learned_from=job.learned_from,
        ranking=job.ranking,
        plan=job.plan,
        learning_curve=outcome.learning_curve,
        evaluation=evaluation,
        evaluation_train=outcome.fitted,
        gap_at=_photos_to_confirm_gap(evaluation.accuracy, outcome.fitted),
        temperature=outcome.temperature,
        phases=job.stopwatch.phases,
        versions=versions(),
        samples=_samples(job),
        calibration_error_before=_figures(job, softmax(logits)).calibration_error,
    )


def _photos_to_confirm_gap(tested: Estimate, fitted: Estimate) -> int | None:
    """About how many test photos would make a gap to the training photos certain; None where it is, or there is none.

    None, too, where no number would, because the training photos are too few for that.
    """
    if tested.value >= fitted.value or tested.high < fitted.low:
        return None
    return photos_until(tested.value, lambda known: known.high < fitted.low)


def bundle_config(job: TrainingRun, outcome: StrategyResult) -> BundleConfig:
    """How to build the trained net again."""
    start, scratch = job.start, outcome.strategy == "scratch"
    return BundleConfig(
        architecture=start.architecture,
        variant=architecture(start.architecture).variant,
        after=outcome.model.backbone.end,
        folded=start.folded and not scratch,
        strategy=outcome.strategy,
        weights="random initialisation" if scratch else start.weights,
        seed=job.seed,
        flip=job.augmentation.flip,
        versions=dict(versions()),
        class_weighting=job.class_weighting,
        gathered=list(outcome.model.backbone.gathered),
    )


def versions() -> tuple[tuple[str, str], ...]:
    """The packages whose versions a result depends on."""
    return tuple((name, version(name)) for name in VERSIONED)


def thumbnails(job: TrainingRun, report: TrainingReport) -> dict[str, bytes]:
    """Small JPEGs by path: of the mistakes and of the samples."""
    row_of = {photo.path: row for row, photo in enumerate(job.stored.photos.photos)}
    paths = [*(mistake.path for mistake in report.evaluation.mistakes), *(photo.path for photo in report.samples)]
    return {path: jpeg(job.stored.images[row_of[path]]) for path in paths}


def _samples(job: TrainingRun) -> tuple[Photo, ...]:
    """A few photos of the first classes."""
    photos = job.stored.photos.photos
    return tuple(
        photo
        for label in range(min(SAMPLED_CLASSES, len(job.classes)))
        for photo in [each for each in photos if each.label == label][:SAMPLES_PER_CLASS]
    )


def notes_of(job: TrainingRun, outcome: StrategyResult) -> tuple[str, ...]:
    """What the user should know about the photos, the weights and what was decided."""
    notes = []
    splits = {photo.split for photo in job.stored.photos.photos}
    if {"val", "test"} <= splits:
        notes.append("The val photos were learned from too: choices were made by cross-validation, figures on test.")
    if not job.start.pretrained:
        notes.append(
            "No pre-trained weights were given, so the net learned from these photos alone. "
            "With few photos, pre-trained weights usually help a great deal."
        )
    elif outcome.strategy == "scratch":
        notes.append(f"The net learned from random weights, as asked; those of {job.start.weights} were not used.")
    if len(job.stored.photos.skipped):
        left_out = count_of(len(job.stored.photos.skipped), "file")
        notes.append(f"{left_out} could not be used; the list below says why.")
    if twice := _count_shared_photos(job):
        notes.append(
            f"{twice} photos stand, byte for byte, both among those learned from and among those tested on: "
            "the figures are too good by as much. Remove them from one side."
        )
    notes += _near_duplicate_notes(job)
    counts = np.bincount(job.labels[job.train], minlength=len(job.classes))
    smallest, largest = int(counts.min()), int(counts.max())
    if job.class_weighting != "none":
        notes.append(f"{WEIGHTING_NOTES[job.class_weighting]}, so confidences suppose equal classes too.")
    elif largest >= UNEVEN * smallest:
        notes.append(
            f"The largest class has {largest} training photos, the smallest {smallest}: answers lean towards the "
            "large ones. Look at the balanced accuracy; --class-weighting logit-adjustment makes classes count alike."
        )
    if smallest < 10:
        notes.append(f"The smallest class has {smallest} training photos; figures for it are very uncertain.")
    return (*notes, *outcome.notes)


def _near_duplicate_notes(job: TrainingRun) -> list[str]:
    """What was kept together because it looks the same, and what the user's own split has parted."""
    tested = {job.stored.photos.photos[row].path for row in job.test}
    learned = {job.stored.photos.photos[row].path for row in job.train}
    alike = job.stored.photos.alike
    if not alike:
        return []
    parted = [cluster for cluster in alike if any(path in tested for path in cluster) and learned.intersection(cluster)]
    if parted:
        leaked = sum(path in tested for cluster in parted for path in cluster)
        return [
            f"{count_of(leaked, 'photo')} to test on look like photos that were learned from, such as "
            f"{' and '.join(parted[0][:2])}: the figures are too good by as much. `inarch doctor` lists them."
        ]
    return [
        f"{count_of(sum(map(len, alike)), 'photo')} in {count_of(len(alike), 'cluster')} are near-duplicates, such as "
        f"{' and '.join(alike[0][:2])}: each cluster was kept on one side of the split."
    ]


def _count_shared_photos(job: TrainingRun) -> int:
    """Test photos that are also learned from."""
    learned = {job.digests[row] for row in job.train}
    return sum(job.digests[row] in learned for row in job.test)
