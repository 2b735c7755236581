"""The evaluation of a bundle on labelled photos."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from inarch.bundle.predictor import Prediction, Predictor
from inarch.commands.evaluate.records import EvaluationReport
from inarch.data.arrangement import USUAL, Arrangement
from inarch.data.photos import Photo, SkippedFile
from inarch.data.scan import scan
from inarch.data.split import evaluation_photos
from inarch.data.split_names import split_named
from inarch.errors import PhotosError
from inarch.metrics.calibration import confidence_and_correct
from inarch.metrics.classification import JudgedPhotos
from inarch.metrics.classification import evaluate as evaluate_probabilities
from inarch.metrics.coverage import measure_coverage
from inarch.metrics.records import Evaluation
from inarch.progress import Progress, ignore_progress


def evaluate(
    bundle: str | Path,
    photos: str | Path,
    progress: Progress = ignore_progress,
    *,
    target_accuracy: float | None = None,
    arrangement: Arrangement = USUAL,
) -> EvaluationReport:
    """Measure a bundle on the test or validation split where there is one, else on all photos.

    Args:
        bundle: the folder of the bundle.
        photos: as for `train`; photos of some of the bundle's classes are enough.
        progress: called with a phase's name, the finished and the total number of steps.
        target_accuracy: of the answered photos, as for `inarch.load`.
        arrangement: where the labels are, if that is not the usual place.

    Raises:
        BundleError: the bundle cannot be used.
        UserError: the target accuracy is not between 0 and 1, or the bundle has no abstention rule.
        PhotosError: the photos have unknown classes, none can be read, or only training photos are there.

    Examples:
        >>> (report := inarch.evaluate("mine", "new-photos")).accuracy.n
        10
        >>> "100.0 %" in str(report)  # the table that the command prints
        True
    """
    predictor = Predictor(bundle, target_accuracy=target_accuracy)
    found = scan(photos, predictor.classes, arrangement)
    split, chosen = evaluation_photos(found)
    if split == "all" and split_named(Path(found.root).name) == "train":
        split = "train"  # by name only, and the headline says so
    predicted = predictor.predict([Path(found.root) / photo.path for photo in chosen])
    answers = list(_report_progress(predicted, len(chosen), progress))
    pairs = list(zip(chosen, answers, strict=True))
    if not any(answer.ranking for answer in answers):
        raise PhotosError(f"None of the {len(chosen)} photos in {photos} can be read; name readable ones.")
    unreadable = [SkippedFile(photo.path, answer.problem) for photo, answer in pairs if not answer.ranking]
    return EvaluationReport(_judge_answers(predictor, split, pairs), (*found.skipped, *unreadable), found.notes)


def _judge_answers(predictor: Predictor, split: str, answers: Sequence[tuple[Photo, Prediction]]) -> Evaluation:
    """The figures of the photos that could be read."""
    readable = [(photo, answer) for photo, answer in answers if answer.ranking]
    probabilities = [[dict(answer.ranking)[each] for each in predictor.classes] for _, answer in readable]
    given, labels = np.array(probabilities), np.array([photo.label for photo, _ in readable])
    judged = JudgedPhotos(labels, [photo.path for photo, _ in readable], predictor.classes, split)
    figures = evaluate_probabilities(given, judged)
    if predictor.rule is None:
        return figures
    novelties = np.array([answer.novelty for _, answer in readable])
    kept = measure_coverage(predictor.rule, *confidence_and_correct(given, labels), novelties)
    return replace(figures, answered=kept)


def _report_progress(answers: Iterable[Prediction], total: int, progress: Progress) -> Iterator[Prediction]:
    for done, answer in enumerate(answers, start=1):
        progress("evaluate", done, total)
        yield answer
