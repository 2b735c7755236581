"""The learning curve of the probe, fitted to an eighth, a quarter, a half and all photos, on the same folds.

The error of classifiers falls as a power law in the number of photos (Hestness et al. 2017, arXiv 1712.00409;
Rosenfeld et al. 2020, arXiv 1909.12673): a straight line in logarithms, extrapolated to twice the photos.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from inarch.data.folds import folds
from inarch.data.labels import PhotoLabels
from inarch.data.split import count_groups
from inarch.metrics.accuracy import accuracy_of_units
from inarch.metrics.records import Estimate
from inarch.transfer.class_weighting import class_weighting_of
from inarch.transfer.linear import fit_at
from inarch.transfer.recipes import LearningCurveRecipe, ProbeRecipe
from inarch.transfer.records.learning import LearningCurve, LearningPoint


@dataclass(frozen=True)
class CurveFit:
    """The settings of the probe."""

    strength: float
    """The L2 regularisation strength per photo, the same for every point."""
    class_weighting: str = "none"
    """A name of `CLASS_WEIGHTINGS`."""
    recipe: LearningCurveRecipe = field(default_factory=LearningCurveRecipe)
    probe: ProbeRecipe = field(default_factory=ProbeRecipe)
    """The number of cross-validations."""

    def wrong(
        self, features: NDArray[np.float32], photos: PhotoLabels, seen: NDArray[np.intp], held: NDArray[np.intp]
    ) -> NDArray[np.bool_]:
        """Which validation photos a fit to the training photos ``seen`` predicts wrongly."""
        learned, judged = photos.at(seen), photos.at(held)
        weighting = class_weighting_of(self.class_weighting, learned.labels, photos.classes, learned.weights)
        fit = fit_at(features[seen], learned.labels, self.strength, weighting, learned.weights)
        answers = weighting.answers(fit.logits(features[held]), judged.labels, judged.weights)
        return answers.argmax(1) != judged.labels


def learning_curve(
    features: NDArray[np.float32], photos: PhotoLabels, fit: CurveFit, *, seed: int
) -> LearningCurve | None:
    """Accuracy of a probe by the size of its training set, and the forecast for twice the size.

    Args:
        features: pooled features of the training photos, (n, d).
        photos: their classes and groups; a group stays in one fold.
        fit: the settings of the probe.
        seed: of the folds, the subsets and the resamples behind the interval.

    Returns:
        None if there are too few photos for a curve.
    """
    draw = np.random.default_rng(seed)
    rows = draw.permutation(len(photos))[: fit.recipe.most_photos]
    errors = _errors(features[rows], photos.at(rows), fit, draw)
    if len(errors) < fit.recipe.fewest_points:
        return None
    units = np.unique(photos.groups[rows], return_inverse=True)[1]
    points = tuple(LearningPoint(round(size), accuracy_of_units(wrong, units)) for size, wrong in errors)
    return LearningCurve(points, len(photos), forecast_doubling(errors, units, len(photos), draw, fit.recipe))


def _errors(
    features: NDArray[np.float32], photos: PhotoLabels, fit: CurveFit, draw: np.random.Generator
) -> list[tuple[float, NDArray[np.float64]]]:
    """For each size of the training set, how often each photo was predicted wrongly, a fraction, (n,).

    Empty if a class has too few photos (or groups) for the folds.
    """
    recipe, labels, groups = fit.recipe, photos.labels, photos.groups
    if min(count_groups(labels, groups, photos.classes)) < recipe.folds:
        return []
    repeats = fit.probe.repeats_for(len(labels))
    wrong = {share: np.zeros(len(labels)) for share in recipe.shares}
    sizes: dict[float, list[int]] = {share: [] for share in recipe.shares}
    with threadpool_limits(1, user_api="blas"):
        for _ in range(repeats):
            fold_seed = int(draw.integers(2**31))
            for seen, held in folds(labels, k=recipe.folds, seed=fold_seed, groups=groups):
                rank = _ranks(labels[seen], groups[seen], draw)
                for share in list(wrong):
                    part = seen[rank < share]
                    if np.bincount(labels[part], minlength=photos.classes).min() < recipe.fewest_photos:
                        del wrong[share]
                        continue
                    wrong[share][held] += fit.wrong(features, photos, part, held)
                    sizes[share].append(len(part))
    return [(float(np.mean(sizes[share])), wrong[share] / repeats) for share in wrong]


def _ranks(labels: NDArray[np.int64], groups: NDArray[np.int64], draw: np.random.Generator) -> NDArray[np.float64]:
    """The rank of each photo in its class, from 0 to below 1, groups shuffled: smaller subsets are nested in larger."""
    return places_in_class(labels, groups, draw) / np.bincount(labels)[labels]


def places_in_class(
    labels: NDArray[np.int64], groups: NDArray[np.int64], draw: np.random.Generator
) -> NDArray[np.int64]:
    """The rank of each photo in its class, from 0 on; groups are shuffled but not divided."""
    order = np.lexsort((draw.permutation(groups.max() + 1)[groups], labels))
    places = np.zeros(len(labels), dtype=np.int64)
    for label in np.unique(labels):
        own = order[labels[order] == label]
        places[own] = np.arange(len(own))
    return places


def forecast_doubling(
    errors: list[tuple[float, NDArray[np.float64]]],
    units: NDArray[np.intp],
    photos: int,
    draw: np.random.Generator,
    recipe: LearningCurveRecipe,
) -> Estimate:
    """The gain from twice the photos by the power law, with a bootstrap over the groups of validation photos.

    Args:
        errors: at least three sizes of the training set, with how often each photo was predicted wrongly, a
            fraction, (n,).
        units: the group of each photo, from 0 on, (n,).
        photos: the size of the whole training set.
        draw: of the resamples.
        recipe: the spread that the bootstrap does not cover.
    """
    logs = np.log([size for size, _ in errors])
    wrong = np.stack([np.bincount(units, weights=each) for _, each in errors])
    counts = np.bincount(units)
    n = len(counts)
    times = np.vstack([np.ones(n), draw.multinomial(n, np.full(n, 1 / n), size=recipe.resamples)])
    shares = (times @ wrong.T + 0.5) / (times @ counts + 1)[:, None]  # (1 + resamples, points), finite
    weights = np.exp(logs) * shares / (1 - np.minimum(shares, 0.99))  # larger and more precise points weigh more
    heavy = weights / weights.sum(1, keepdims=True)
    middle = (heavy * logs).sum(1, keepdims=True)
    values = np.log(shares)
    level = (heavy * values).sum(1, keepdims=True)
    slope = (heavy * (logs - middle) * (values - level)).sum(1) / (heavy * (logs - middle) ** 2).sum(1)
    slope = np.clip(slope, -recipe.steepest, 0.0)
    now = np.exp(level[:, 0] + slope * (np.log(photos) - middle[:, 0]))
    gains = now * (1 - 2.0**slope)
    gain, error = float(gains[0]), float(now[0])
    further = max(1.0, (np.log(2 * photos) - logs[-1]) / np.log(2))  # doublings from the last point
    independent = photos * n / counts.sum()
    misfit, drawn = recipe.misfit * further * gain, recipe.drawn**2 * error * (1 - error) / independent
    spread = np.sqrt(gains[1:].var() + misfit**2 + drawn)
    return Estimate(gain, gain - 1.96 * float(spread), gain + 1.96 * float(spread), n)
