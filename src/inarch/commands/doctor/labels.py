"""Label errors: labels that the out-of-fold predictions of a linear classifier on frozen features contradict."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from inarch.commands.doctor.confident_learning import find_label_errors
from inarch.commands.doctor.records import Decision, Finding
from inarch.data.augmentation import Augmentation
from inarch.data.folds import folds
from inarch.data.labels import PhotoLabels
from inarch.data.photos import PhotoSet
from inarch.data.split import count_groups, groups_of
from inarch.data.store import StoredPhotos
from inarch.metrics.accuracy import is_correct
from inarch.metrics.softmax import softmax
from inarch.progress import Progress
from inarch.report.wording import percent
from inarch.transfer.class_weighting import unweighted
from inarch.transfer.features import Prefix
from inarch.transfer.linear import fit_at, fit_probe, subsample_rows
from inarch.transfer.recipes import ProbeRecipe


@dataclass(frozen=True)
class LabelRecipe:
    """How labels are judged."""

    folds: int = 5
    searched: int = 2000
    """The most photos for selecting the stage and the regularisation strength; every label is judged by a fit that did
    not see it."""
    margin: float = 0.5
    """The least margin of another class's probability over the label's: confident learning alone reports every photo
    that the features cannot classify (see `benchmarks.faults`)."""


LABELS = LabelRecipe()


def report_label_problems(
    stored: StoredPhotos, prefix: Prefix, name: str, progress: Progress, *, seed: int
) -> tuple[list[Finding], str]:
    """A finding for every probable label error, the most certain first; and a note on the reliability of the judgement.

    Args:
        stored: photos of at least two classes; photos of one group are predicted by the same fit.
        prefix: the frozen backbone.
        name: the backbone's name.
        progress: called with a phase's name, the finished and the total number of steps.
        seed: of the folds.

    Raises:
        PhotosError: a class has fewer than two different photos.
    """
    photos = stored.photos
    rows = prefix.view(0, Augmentation()).compute(stored, np.arange(len(photos.photos)), partial(progress, "features"))
    labels = np.array([photo.label for photo in photos.photos], dtype=np.int64)
    probabilities = predict_out_of_fold(
        {stage: rows[prefix.output(stage)][:] for stage in prefix.stages},
        labels,
        groups_of(photos.photos),
        classes=len(photos.classes),
        seed=seed,
    )
    agreed = float(is_correct(probabilities, labels).mean())
    note = (
        f"Labels were checked by a linear classifier on features of {name}, which agrees with {percent(agreed, 0)} of "
        "them: the lower this agreement, the less reliable the findings. A finding means that the label is "
        f"{percent(LABELS.margin, 0)} less probable than another class."
    )
    return list(_findings(photos, probabilities, labels)), note


def _findings(photos: PhotoSet, probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> Iterator[Finding]:
    for suspect in find_label_errors(probabilities, labels):
        if suspect.margin < LABELS.margin:
            return
        path = photos.photos[suspect.row].path
        given, likely = (
            f"{photos.classes[at]!r} ({percent(probabilities[suspect.row, at], 0)})" for at in suspect[1:3]
        )
        problem = f"Its label is {given}; a classifier of the other photos predicts {likely}."
        yield Finding(
            "label", path, problem, decision=Decision(path, "keep", photos.classes[suspect.suggested], problem)
        )


def predict_out_of_fold(
    features: dict[str, NDArray[np.float32]],
    labels: NDArray[np.int64],
    groups: NDArray[np.intp],
    *,
    classes: int,
    seed: int,
) -> NDArray[np.float64]:
    """Out-of-fold probabilities, from fits that saw neither the photo nor its group, (n, classes).

    Args:
        features: by stage, (n, d) each; the stage with the lowest cross-validated log loss is used.
        labels: the given labels, (n,).
        groups: the group of each photo, (n,); a group stays in one fold.
        classes: the number of classes.
        seed: of the folds.

    Raises:
        PhotosError: a class has fewer than two different photos.
    """
    photos = PhotoLabels(labels, groups, classes)
    rows = subsample_rows(labels, seed, LABELS.searched)
    if min(count_groups(labels[rows], groups[rows], classes)) < 2:  # of a rare class, only copies were drawn
        rows = np.arange(len(labels))
    fits = {
        stage: fit_probe(each[None, rows], photos.at(rows), seed=seed, recipe=ProbeRecipe().once())
        for stage, each in features.items()
    }
    stage = min(fits, key=lambda each: min(loss for _, loss in fits[each].searched))
    fit = fits[stage]
    if len(fit.held_out_rows) == len(labels):
        return softmax(fit.held_out)
    logits = np.empty((len(labels), classes))
    weighting = unweighted(classes)
    k = min(LABELS.folds, *count_groups(labels, groups, classes))
    for seen, held in folds(labels, k=k, seed=seed, groups=groups):
        part = fit_at(features[stage][seen], labels[seen], fit.strength, weighting)
        logits[held] = part.logits(features[stage][held])
    return softmax(logits)
