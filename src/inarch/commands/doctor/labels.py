"""Labels that a linear classifier on frozen features contradicts, although it never saw them."""

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from inarch.commands.doctor.confident_learning import find_label_errors
from inarch.commands.doctor.records import Decision, Finding
from inarch.data.augmentation import Augmentation
from inarch.data.photos import PhotoSet
from inarch.data.split import count_groups, folds, groups_of
from inarch.data.store import StoredPhotos
from inarch.metrics.softmax import softmax
from inarch.progress import Progress
from inarch.report.wording import percent
from inarch.transfer.features import Prefix
from inarch.transfer.linear import fit_at, fit_probe, subsample_rows

FOLDS = 5
SEARCHED = 2000
"""Stage and penalty are chosen on about so many photos; of all others, too, every label is judged by a fit that did not
see it."""
MARGIN = 0.5
"""By how much another class has to be more probable than the label: confident learning alone doubts every photo that
the features cannot tell (see `benchmarks.faults`)."""


def report_label_problems(
    stored: StoredPhotos, prefix: Prefix, name: str, progress: Progress, *, seed: int
) -> tuple[list[Finding], str]:
    """A finding for every label that is probably wrong, the surest first; and a sentence that says how well is judged.

    Args:
        stored: photos of at least two classes; photos of one group are judged together.
        prefix: the frozen backbone.
        name: what it is called.
        progress: called with a phase's name, what is done, and what there is to do.
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
    agreed = float((probabilities.argmax(1) == labels).mean())
    note = (
        f"Labels were judged by a linear classifier on {name}'s features. It agrees with {percent(agreed, 0)} of "
        f"them: the fewer, the less its doubts mean. Doubted is what it gives {percent(MARGIN, 0)} less than another "
        "class."
    )
    return list(_findings(photos, probabilities, labels)), note


def _findings(photos: PhotoSet, probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> Iterator[Finding]:
    for suspect in find_label_errors(probabilities, labels):
        if suspect.margin < MARGIN:
            return
        path = photos.photos[suspect.row].path
        given, likely = (
            f"{photos.classes[at]!r} ({percent(probabilities[suspect.row, at], 0)})" for at in suspect[1:3]
        )
        problem = f"It is filed as {given}; judged by the other photos it is {likely}."
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
    """Probabilities of each class for each photo by fits that saw neither it nor its group, (n, classes).

    Args:
        features: by stage, (n, d) each; the stage with the lowest cross-validated log loss is taken.
        labels: as they are given, (n,).
        groups: photos of one group are held out together, (n,).
        classes: how many there are.
        seed: of the folds.

    Raises:
        PhotosError: a class has fewer than two different photos.
    """
    rows = subsample_rows(labels, seed, SEARCHED)
    if min(count_groups(labels[rows], groups[rows], classes)) < 2:  # of a rare class, copies were drawn
        rows = np.arange(len(labels))
    fits = {
        stage: fit_probe(each[None, rows], labels[rows], groups[rows], classes=classes, seed=seed, repeats=1)
        for stage, each in features.items()
    }
    stage = min(fits, key=lambda each: min(loss for _, loss in fits[each].searched))
    fit = fits[stage]
    if len(fit.held_out_rows) == len(labels):
        return softmax(fit.held_out)
    logits = np.empty((len(labels), classes))
    k = min(FOLDS, *count_groups(labels, groups, classes))
    for seen, held in folds(labels, k=k, seed=seed, groups=groups):
        part = fit_at(features[stage][seen], labels[seen], fit.strength, classes=classes)
        logits[held] = part.logits(features[stage][held])
    return softmax(logits)
