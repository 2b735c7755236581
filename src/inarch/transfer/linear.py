"""A linear classifier on pooled features: what ``probe`` fits, and where ``finetune`` starts.

The standard linear-probe protocol (Kornblith et al. 2019, arXiv 1805.08974, section 3): L2-regularised logistic
regression, the strength chosen by cross-validation on the training photos.
"""

import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from inarch.data.split import count_groups, folds
from inarch.errors import PhotosError
from inarch.metrics.comparison import paired_difference
from inarch.metrics.intervals import wilson
from inarch.metrics.records import Estimate
from inarch.runtime.session import usable_cores
from inarch.transfer.class_weighting import ClassWeighting, class_weighting_of

STRENGTHS = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003, 0.0001)
"""Penalty per training photo, strongest first: each fit starts from the one before."""
PATIENCE = 2
"""The search ends when so many weaker penalties in a row were no better."""
REPEATS, REPEATED_PHOTOS = 3, 500
"""With so few photos one cross-validation is a lottery; the mean of three is less of one."""
SEARCH_PHOTOS = 4000
"""The strength is searched on at most so many photos; being per photo, it carries over to all of them."""
UNSEEN = -1e4
"""Logit of a class that a fold lacks: never the answer, and finite."""


@dataclass(frozen=True)
class Probe:
    """A fitted linear classifier: ``logits = features @ weight.T + bias``."""

    weight: NDArray[np.float32]
    """(classes, d)"""
    bias: NDArray[np.float32]
    strength: float
    """The penalty that cross-validation chose."""
    searched: tuple[tuple[float, float], ...]
    """For every penalty tried, its cross-validated log loss."""
    held_out: NDArray[np.float64]
    """Logits for each searched photo from the fold that did not see it: (n, classes)."""
    held_out_rows: NDArray[np.int64]
    """Which training rows those are."""

    def logits(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, classes)"""
        return np.asarray(features @ self.weight.T + self.bias, dtype=np.float64)


def fit_probe(
    views: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.generic],
    *,
    classes: int,
    seed: int,
    class_weighting: str = "none",
    repeats: int | None = None,
) -> Probe:
    """Choose the penalty by cross-validation and fit on everything.

    Args:
        views: pooled features of the training photos, (views, n, d); the first view is the plain photo.
        labels: class of each photo, (n,).
        classes: how many classes there are.
        groups: photos of one group are held out together, (n,).
        seed: of the folds.
        class_weighting: what is done about class imbalance, a name of `CLASS_WEIGHTINGS`. The probe's own logits,
            and those held out, are not yet shifted by it.
        repeats: how often to cross-validate; None takes as often as so many photos need.

    Raises:
        PhotosError: a class has fewer than two training photos.
        UnknownNameError: no class weighting has that name.
    """
    weighting = class_weighting_of(class_weighting, labels, classes)
    counts = count_groups(labels, groups, classes)
    if min(counts) < 2:
        raise PhotosError(
            f"Cross-validation needs two different training photos of every class; class number "
            f"{int(np.argmin(counts))} has {min(counts)}. Add photos of it."
        )
    rows = subsample_rows(labels, seed, SEARCH_PHOTOS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a fit is judged by its held-out loss, converged or not
        # Two folds side by side, on one core each, are faster than one fold on two cores that wait for each other.
        with threadpool_limits(1, user_api="blas"):
            searched, held_out = _search(
                views[:, rows], labels[rows], groups[rows], weighting, seed, repeats or usual_repeats(len(rows))
            )
            best = min(searched, key=lambda tried: tried[1])[0]
            path = _Path(views[:, rows], labels[rows], weighting)
            for strength in STRENGTHS[: STRENGTHS.index(best) + 1]:
                fitted = path.fit(strength)
        if len(rows) < len(labels):  # from there it is not far: one fit of all photos, on every core
            fitted = _Path(views, labels, weighting, start=path.regression).fit(best)
    return replace(fitted, searched=searched, held_out=held_out, held_out_rows=rows)


def usual_repeats(photos: int) -> int:
    """How often so many photos are cross-validated."""
    return REPEATS if photos <= REPEATED_PHOTOS else 1


def fit_at(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    strength: float,
    *,
    classes: int,
    class_weighting: str = "none",
    weights: NDArray[np.float64] | None = None,
) -> Probe:
    """Fit at a penalty that is known; nothing is held out.

    Args:
        features: pooled features, (n, d).
        labels: class of each photo, (n,); at least two classes.
        strength: penalty per photo.
        classes: how many classes there are.
        class_weighting: a name of `CLASS_WEIGHTINGS`.
        weights: how much each photo counts, (n,), 1 on average; None is 1 for all.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return _Path(features[None], labels, class_weighting_of(class_weighting, labels, classes)).fit(
            strength, weights
        )


def _search(
    views: NDArray[np.float32],
    labels: NDArray[np.int64],
    groups: NDArray[np.generic],
    weighting: ClassWeighting,
    seed: int,
    repeats: int,
) -> tuple[tuple[tuple[float, float], ...], NDArray[np.float64]]:
    """The held-out loss of each penalty tried, strongest first, and the held-out logits (n, classes) of the best."""
    runs = [_Validation(views, labels, groups, weighting, seed + 7919 * repeat) for repeat in range(repeats)]
    searched: list[tuple[float, float]] = []
    best = 0
    for place, strength in enumerate(STRENGTHS):
        held_out = [run.held_out(strength) for run in runs]
        loss = float(np.mean([weighting.losses(logits - weighting.shift, labels).mean() for logits in held_out]))
        if not searched or loss < searched[best][1]:
            best, kept = place, held_out[0]
        searched.append((strength, loss))
        if place - best == PATIENCE:
            break
    return tuple(searched), kept


def subsample_rows(labels: NDArray[np.int64], seed: int, most: int) -> NDArray[np.int64]:
    """About ``most`` rows, all if there are no more; every class in proportion, and with two photos at least."""
    if len(labels) <= most:
        return np.arange(len(labels))
    draw = np.random.default_rng(seed)
    share = most / len(labels)
    kept = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        kept.append(draw.permutation(own)[: max(2, round(share * len(own)))])
    return np.sort(np.concatenate(kept))


class _Path:
    """Fits from strong to weak penalties, each warm-started from the one before, the first from ``start``.

    Features are centred and divided by one number, not each by its own: how much a feature varies is part of what
    the backbone learned. Cross-validated log loss was lower so on both sets tried (ants and bees 0.125 against
    0.144, textures 0.342 against 0.376).
    """

    def __init__(
        self,
        views: NDArray[np.float32],
        labels: NDArray[np.int64],
        weighting: ClassWeighting,
        start: LogisticRegression | None = None,
    ) -> None:
        stacked = views.reshape(-1, views.shape[-1])
        self.labels, self.classes = np.tile(labels, len(views)), len(weighting.learned)
        self.mean = stacked.mean(0)
        self.scaled = stacked - self.mean
        flat = self.scaled.reshape(-1)
        self.scale = float(np.sqrt(np.dot(flat, flat) / max(flat.size, 1))) or 1.0  # np.std would copy everything
        self.scaled /= self.scale
        weights = {label: weighting.learned[label] for label in np.unique(labels).tolist()}
        self.regression = LogisticRegression(warm_start=True, max_iter=300, tol=1e-3, class_weight=weights)
        if start is not None:
            self.regression.coef_, self.regression.intercept_ = start.coef_.copy(), start.intercept_.copy()

    def fit(self, strength: float, weights: NDArray[np.float64] | None = None) -> Probe:
        """The fit at one penalty, each photo counting as its class does, times its own weight."""
        self.regression.C = 1 / (strength * len(self.labels))
        self.regression.fit(self.scaled, self.labels, sample_weight=weights)
        return replace(_undo_scaling(self.regression, self.mean, self.scale, self.classes), strength=strength)


class _Validation:
    """One cross-validation: a path of fits for every fold."""

    def __init__(
        self,
        views: NDArray[np.float32],
        labels: NDArray[np.int64],
        groups: NDArray[np.generic],
        weighting: ClassWeighting,
        seed: int,
    ) -> None:
        classes = len(weighting.learned)
        rarest = min(count_groups(labels, groups, classes))
        self.plain, self.classes = views[0], classes
        self.parts = folds(labels, k=min(5, rarest), seed=seed, groups=groups)
        self.paths = [_Path(views[:, seen], labels[seen], weighting) for seen, _ in self.parts]

    def held_out(self, strength: float) -> NDArray[np.float64]:
        """Logits of every photo from the fit that did not see it: (n, classes)."""
        with ThreadPoolExecutor(usable_cores()) as pool:
            fits = list(pool.map(lambda path: path.fit(strength), self.paths))
        logits = np.zeros((len(self.plain), self.classes))
        for fit, (_, held) in zip(fits, self.parts, strict=True):
            logits[held] = fit.logits(self.plain[held])
        return logits


def _undo_scaling(regression: LogisticRegression, mean: NDArray[np.float32], scale: float, classes: int) -> Probe:
    """The same classifier on features as they come, with a row for every class."""
    weight, bias = regression.coef_ / scale, regression.intercept_
    bias = bias - weight @ mean
    if len(weight) == 1:  # scikit-learn keeps one row for two classes: its logit is the difference
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    every = np.zeros((classes, weight.shape[1]), dtype=np.float32)
    offset = np.full(classes, UNSEEN, dtype=np.float32)
    every[regression.classes_], offset[regression.classes_] = weight, bias
    nothing = np.zeros((0, classes))
    return Probe(every, offset, 0.0, (), nothing, np.zeros(0, dtype=np.int64))


Name = TypeVar("Name", str, int)
"""What tells probes apart that are compared."""


def choose_shortest_stage(fits: Mapping[Name, Probe], labels: NDArray[np.int64], weighting: ClassWeighting) -> Name:
    """The first stage whose held-out log loss is within one standard error of the best stage's.

    The one-standard-error rule (Breiman et al. 1984, section 3.4.3): between nets that cannot be told apart, the
    shorter one, which is also the faster.
    """
    losses = held_out_losses(fits, labels, weighting)
    best = min(losses, key=lambda stage: float(losses[stage].mean()))
    for stage in losses:
        if stage == best:
            break
        behind = paired_difference(losses[stage], losses[best])
        if behind.mean <= behind.standard_error:
            return stage
    return best


def held_out_losses(
    fits: Mapping[Name, Probe], labels: NDArray[np.int64], weighting: ClassWeighting
) -> dict[Name, NDArray[np.float64]]:
    """For each probe the log loss of every photo, by the fold that did not see it."""
    return {
        name: weighting.losses(fit.held_out - weighting.shift, labels[fit.held_out_rows]) for name, fit in fits.items()
    }


def accuracy_of(logits: NDArray[np.float64], labels: NDArray[np.int64]) -> Estimate:
    """The share of photos whose highest logit is that of their class."""
    return wilson(int((logits.argmax(1) == labels).sum()), len(labels))
