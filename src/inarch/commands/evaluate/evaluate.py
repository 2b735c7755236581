"""A bundle, measured on labelled photos."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from inarch.bundle.predictor import Prediction, Predictor
from inarch.data.photos import SkippedFile
from inarch.data.scan import scan
from inarch.data.split import evaluation_photos
from inarch.errors import PhotosError
from inarch.metrics.calibration import confidence_and_correct
from inarch.metrics.classification import evaluate as evaluate_probabilities
from inarch.metrics.coverage import measure_coverage
from inarch.metrics.records import Evaluation
from inarch.progress import Progress, ignore_progress


def evaluate(
    bundle: str | Path, photos: str | Path, progress: Progress = ignore_progress, *, goal: float | None = None
) -> tuple[Evaluation, tuple[SkippedFile, ...]]:
    """Measure a bundle on the test or validation split where there is one, else on all photos.

    Args:
        bundle: its folder.
        photos: as for `train`; photos of some of the bundle's classes are enough.
        progress: called with a phase's name, what is done, and what there is to do.
        goal: the share of answers that is to be right, as for `inarch.load`.

    Returns:
        the figures, and the files that were left out.

    Raises:
        BundleError: the bundle cannot be used.
        UserError: the goal is no share, or the bundle cannot say when it is unsure.
        PhotosError: the photos have classes that the bundle does not know, or none can be read.
    """
    predictor = Predictor(bundle, goal=goal)
    found = scan(photos, predictor.classes)
    name, chosen = evaluation_photos(found)
    files = [Path(found.root) / photo.path for photo in chosen]
    answers = list(_report_progress(predictor.predict(files), len(files), progress))
    readable = [(photo, answer) for photo, answer in zip(chosen, answers, strict=True) if answer.ranking]
    if not readable:
        raise PhotosError(f"None of the {len(chosen)} photos in {photos} can be read.")
    probabilities = [[dict(answer.ranking)[each] for each in predictor.classes] for _, answer in readable]
    unreadable = [SkippedFile(p.path, a.problem) for p, a in zip(chosen, answers, strict=True) if not a.ranking]
    given, labels = np.array(probabilities), np.array([photo.label for photo, _ in readable])
    figures = evaluate_probabilities(
        given,
        labels,
        classes=predictor.classes,
        paths=[photo.path for photo, _ in readable],
        split=name,
    )
    if predictor.rule is not None:
        novelties = np.array([answer.novelty for _, answer in readable])
        kept = measure_coverage(predictor.rule, *confidence_and_correct(given, labels), novelties)
        figures = replace(figures, answered=kept)
    return figures, (*found.skipped, *unreadable)


def _report_progress(answers: Iterable[Prediction], total: int, progress: Progress) -> Iterator[Prediction]:
    for done, answer in enumerate(answers, start=1):
        progress("evaluate", done, total)
        yield answer
