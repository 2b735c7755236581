"""What a leak is worth: one probe on the same features, judged with and without photos of one group on both sides."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from inarch.data.split import count_groups, folds
from inarch.errors import PhotosError
from inarch.metrics.intervals import bootstrap, wilson
from inarch.metrics.records import Estimate
from inarch.transfer.linear import fit_at, fit_probe
from inarch.transfer.records.learning import LeakageMeasurement

FOLDS = 5
REPEATS = 3
"""Cross-validations of each kind: which photos meet is a matter of luck."""


def measure_leakage(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    classes: int,
    seed: int,
) -> LeakageMeasurement:
    """Cross-validated accuracy where every photo is held out by itself, minus that where groups are held out whole.

    The penalty is chosen with groups held out whole, and is the same for both. The interval is a bootstrap over groups,
    which are right or wrong together.

    Args:
        features: pooled features of all photos, (n, d).
        labels: their classes, (n,).
        groups: which photos belong together, (n,).
        classes: how many there are.
        seed: of the folds and the bootstrap.

    Raises:
        PhotosError: no two photos belong together, or a class has too few groups.
    """
    counts = np.bincount(groups)
    grouped = int(counts[counts > 1].sum())
    if not grouped:
        raise PhotosError("No photo belongs together with another here, so there is no leak to measure.")
    k = min(FOLDS, *count_groups(labels, groups, classes))
    if k < 2:
        raise PhotosError("To measure what a leak is worth, every class needs two photos that do not belong together.")
    strength = fit_probe(features[None], labels, groups, classes=classes, seed=seed, repeats=1).strength
    right = partial(_photo_accuracies, features, labels, strength=strength, classes=classes, k=k, seed=seed)
    apart, parted = right(groups), right(None)
    units = np.unique(groups, return_inverse=True)[1]
    gains = np.bincount(units, weights=parted - apart)
    sizes = np.bincount(units)
    tax = bootstrap(
        lambda gain, size: float(gain.sum() / size.sum()), gains, sizes, generator=np.random.default_rng(seed)
    )
    return LeakageMeasurement(_share(apart), _share(parted), tax, grouped)


def _share(right: NDArray[np.float64]) -> Estimate:
    return wilson(round(float(right.sum())), len(right))


def _photo_accuracies(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64] | None,
    *,
    strength: float,
    classes: int,
    k: int,
    seed: int,
) -> NDArray[np.float64]:
    """How often each photo is answered rightly by fits that did not see it, a share of `REPEATS`, (n,)."""
    right = np.zeros(len(labels))
    for repeat in range(REPEATS):
        for seen, held in folds(labels, k=k, seed=seed + repeat, groups=groups):
            fit = fit_at(features[seen], labels[seen], strength, classes=classes)
            right[held] += fit.logits(features[held]).argmax(1) == labels[held]
    return right / REPEATS
