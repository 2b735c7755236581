"""What more photos would bring: the probe, fitted on an eighth, a quarter, a half and all of them, on the same folds.

The error of classifiers falls with the number of photos like a power of it (Hestness et al. 2017, arXiv 1712.00409;
Rosenfeld et al. 2020, arXiv 1909.12673): a straight line between logarithms, which is followed to twice the photos.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from inarch.data.split import count_groups, folds
from inarch.metrics.intervals import wilson
from inarch.metrics.records import Estimate
from inarch.transfer.class_weighting import class_weighting_of
from inarch.transfer.linear import fit_at, usual_repeats
from inarch.transfer.records.learning import LearningCurve, LearningPoint

SHARES = (1 / 8, 1 / 4, 1 / 2, 1.0)
"""Of the photos that a fold learns from."""
FOLDS, FEWEST_POINTS, FEWEST_PHOTOS = 5, 3, 3
"""A curve has so many points at least, and a point so many photos of every class."""
MOST_PHOTOS = 4000
"""Of many photos, a part will do."""
RESAMPLES = 1000
STEEPEST = 1.0
"""Errors that fall faster than the photos grow are chance."""
MISFIT, DRAWN = 0.23, 0.4
"""What the bootstrap cannot know. No curve is a power law: each doubling adds such a share of itself. The luck of
which photos come next is worth so many standard errors of an accuracy on as many photos. See `benchmarks.forecast`."""


def learning_curve(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    *,
    strength: float,
    classes: int,
    seed: int,
    class_weighting: str = "none",
) -> LearningCurve | None:
    """Accuracy of a probe by the number of photos it learned from, and the forecast for twice as many.

    Args:
        features: pooled features of the training photos, (n, d).
        labels: their classes, (n,).
        groups: photos of one group are held out together, (n,).
        strength: the penalty per photo, the same for every point.
        classes: how many there are.
        seed: of the folds, of what is left out, and of the resamples behind the interval.
        class_weighting: a name of `CLASS_WEIGHTINGS`.

    Returns:
        None where there are too few photos for a curve.
    """
    draw = np.random.default_rng(seed)
    rows = draw.permutation(len(labels))[:MOST_PHOTOS]
    errors = _errors(features[rows], labels[rows], groups[rows], _Fit(strength, classes, class_weighting), draw)
    if len(errors) < FEWEST_POINTS:
        return None
    units = np.unique(groups[rows], return_inverse=True)[1]
    points = tuple(LearningPoint(round(size), accuracy_of_units(wrong, units)) for size, wrong in errors)
    return LearningCurve(points, len(labels), forecast_doubling(errors, units, len(labels), draw))


@dataclass(frozen=True)
class _Fit:
    """The probe, but for the photos."""

    strength: float
    classes: int
    class_weighting: str

    def wrong(
        self, features: NDArray[np.float32], labels: NDArray[np.int64], seen: NDArray[np.intp], held: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Which of the photos held out are answered wrongly by a fit of those seen."""
        fit = fit_at(
            features[seen], labels[seen], self.strength, classes=self.classes, class_weighting=self.class_weighting
        )
        weighting = class_weighting_of(self.class_weighting, labels[seen], self.classes)
        logits = fit.logits(features[held])
        return weighting.answers(logits, labels[held]).argmax(1) != labels[held]


def _errors(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    fit: _Fit,
    draw: np.random.Generator,
) -> list[tuple[float, NDArray[np.float64]]]:
    """For each number of photos learned from: how often each photo was answered wrongly, a share, (n,).

    Empty where a class has too few photos (or groups) for the folds.
    """
    if min(count_groups(labels, groups, fit.classes)) < FOLDS:
        return []
    repeats = usual_repeats(len(labels))
    wrong = {share: np.zeros(len(labels)) for share in SHARES}
    sizes: dict[float, list[int]] = {share: [] for share in SHARES}
    with threadpool_limits(1, user_api="blas"):
        for _ in range(repeats):
            fold_seed = int(draw.integers(2**31))
            for seen, held in folds(labels, k=FOLDS, seed=fold_seed, groups=groups):
                rank = _ranks(labels[seen], groups[seen], draw)
                for share in list(wrong):
                    part = seen[rank < share]
                    if np.bincount(labels[part], minlength=fit.classes).min() < FEWEST_PHOTOS:
                        del wrong[share]
                        continue
                    wrong[share][held] += fit.wrong(features, labels, part, held)
                    sizes[share].append(len(part))
    return [(float(np.mean(sizes[share])), wrong[share] / repeats) for share in wrong]


def _ranks(labels: NDArray[np.int64], groups: NDArray[np.int64], draw: np.random.Generator) -> NDArray[np.float64]:
    """Where each photo stands in its class, from 0 to below 1, groups shuffled: a smaller part lies in a larger one."""
    return places_in_class(labels, groups, draw) / np.bincount(labels)[labels]


def places_in_class(
    labels: NDArray[np.int64], groups: NDArray[np.int64], draw: np.random.Generator
) -> NDArray[np.int64]:
    """Where each photo stands in its class, from 0 on, groups shuffled but not divided."""
    order = np.lexsort((draw.permutation(groups.max() + 1)[groups], labels))
    places = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        own = order[labels[order] == label]
        places[own] = np.arange(len(own))
    return places


def accuracy_of_units(wrong: NDArray[np.float64], units: NDArray[np.intp]) -> Estimate:
    """Of photos that were wrong so often, (n,), and their groups, numbered from 0 on, (n,).

    Photos of one group are right or wrong together, as far as the interval knows: each group counts once.
    """
    n = int(units.max()) + 1
    return wilson(round(n * float(1 - wrong.mean())), n)


def forecast_doubling(
    errors: list[tuple[float, NDArray[np.float64]]], units: NDArray[np.intp], photos: int, draw: np.random.Generator
) -> Estimate:
    """The gain of twice the photos by the power law, with a bootstrap over the groups of photos that were judged.

    Args:
        errors: three numbers of photos learned from at least, and how often each judged photo was answered wrongly, a
            share, (n,).
        units: the group of each judged photo, from 0 on, (n,).
        photos: all that there are to learn from.
        draw: of the resamples.
    """
    logs = np.log([size for size, _ in errors])
    wrong = np.stack([np.bincount(units, weights=each) for _, each in errors])
    counts = np.bincount(units)
    n = len(counts)
    times = np.vstack([np.ones(n), draw.multinomial(n, np.full(n, 1 / n), size=RESAMPLES)])
    shares = (times @ wrong.T + 0.5) / (times @ counts + 1)[:, None]  # (1 + resamples, points); half a photo, for logs
    weights = np.exp(logs) * shares / (1 - np.minimum(shares, 0.99))  # near the end, and the surer logarithms
    heavy = weights / weights.sum(1, keepdims=True)
    middle = (heavy * logs).sum(1, keepdims=True)
    values = np.log(shares)
    level = (heavy * values).sum(1, keepdims=True)
    slope = (heavy * (logs - middle) * (values - level)).sum(1) / (heavy * (logs - middle) ** 2).sum(1)
    slope = np.clip(slope, -STEEPEST, 0.0)
    now = np.exp(level[:, 0] + slope * (np.log(photos) - middle[:, 0]))
    gains = now * (1 - 2.0**slope)
    gain, error = float(gains[0]), float(now[0])
    further = max(1.0, (np.log(2 * photos) - logs[-1]) / np.log(2))  # doublings from the last point
    independent = photos * n / counts.sum()
    spread = np.sqrt(gains[1:].var() + (MISFIT * further * gain) ** 2 + DRAWN**2 * error * (1 - error) / independent)
    return Estimate(gain, gain - 1.96 * float(spread), gain + 1.96 * float(spread), n)
