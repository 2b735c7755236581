"""Accuracy inflation from leakage: one probe, cross-validated with and without groups split across folds."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from inarch.data.folds import Fold, folds
from inarch.data.labels import PhotoLabels
from inarch.data.split import count_groups
from inarch.errors import PhotosError
from inarch.metrics.accuracy import is_correct
from inarch.metrics.intervals import bootstrap, wilson
from inarch.metrics.records import Estimate
from inarch.transfer.class_weighting import unweighted
from inarch.transfer.linear import fit_at, fit_probe
from inarch.transfer.recipes import ProbeRecipe
from inarch.transfer.records.learning import LeakageMeasurement

REPEATS = 3
"""Cross-validations of each kind, because the result depends on which photos share a fold."""


def measure_leakage(
    features: NDArray[np.float32], photos: PhotoLabels, *, seed: int, recipe: ProbeRecipe | None = None
) -> LeakageMeasurement:
    """Cross-validated accuracy with photos assigned to folds one by one, minus that with groups kept in one fold.

    The regularisation strength is chosen with groups kept together, and is the same for both. The interval is a
    bootstrap over groups, whose photos are correlated.

    Args:
        features: pooled features of all photos, (n, d).
        photos: their classes and groups.
        seed: of the folds and the bootstrap.
        recipe: how the strength is chosen; None is the usual recipe.

    Raises:
        PhotosError: no group has two photos, or a class has too few groups.
    """
    groups = photos.groups
    counts = np.bincount(groups)
    grouped = int(counts[counts > 1].sum())
    if not grouped:
        raise PhotosError("No two photos belong together here, so there is no leakage to measure.")
    k = min(5, *count_groups(photos.labels, groups, photos.classes))
    if k < 2:
        raise PhotosError("To measure leakage, every class needs two photos that do not belong together; add photos.")
    strength = fit_probe(features[None], photos, seed=seed, recipe=(recipe or ProbeRecipe()).once()).strength
    seeds = range(seed, seed + REPEATS)
    apart, parted = (
        _photo_accuracies(
            features, photos, strength, [folds(photos.labels, k=k, seed=each, groups=together) for each in seeds]
        )
        for together in (groups, None)
    )
    tax = _mean_gain(parted - apart, groups, np.random.default_rng(seed))
    return LeakageMeasurement(_share(apart), _share(parted), tax, grouped)


def _mean_gain(gains: NDArray[np.float64], groups: NDArray[np.int64], draw: np.random.Generator) -> Estimate:
    """The mean gain of a photo, with a bootstrap over groups."""
    units = np.unique(groups, return_inverse=True)[1]
    summed, sizes = np.bincount(units, weights=gains), np.bincount(units)
    return bootstrap(lambda gain, size: float(gain.sum() / size.sum()), summed, sizes, generator=draw)


def _share(right: NDArray[np.float64]) -> Estimate:
    return wilson(round(float(right.sum())), len(right))


def _photo_accuracies(
    features: NDArray[np.float32], photos: PhotoLabels, strength: float, validations: Sequence[Sequence[Fold]]
) -> NDArray[np.float64]:
    """How often each photo is predicted correctly by fits that did not see it, a share of the validations, (n,)."""
    labels = photos.labels
    weighting = unweighted(photos.classes)
    right = np.zeros(len(labels))
    for parts in validations:
        for seen, held in parts:
            fit = fit_at(features[seen], labels[seen], strength, weighting)
            right[held] += is_correct(fit.logits(features[held]), labels[held])
    return right / len(validations)
