"""A linear classifier on pooled features: what ``probe`` fits, and where ``finetune`` starts.

The standard linear-probe protocol (Kornblith et al. 2019, arXiv 1805.08974, section 3): L2-regularised logistic
regression, the strength chosen by cross-validation on the training photos.
"""

import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from inarch.data.split import folds
from inarch.errors import PhotosError
from inarch.metrics.losses import log_losses
from inarch.metrics.softmax import softmax

STRENGTHS = (30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01, 0.003)
"""Penalty per training photo, strongest first: each fit starts from the one before."""
SEARCH_PHOTOS = 4000
"""The strength is searched on at most so many photos; being per photo, it carries over to all of them."""


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
    *,
    classes: int,
    seed: int,
    groups: NDArray[np.str_] | None = None,
) -> Probe:
    """Choose the penalty by cross-validation and fit on everything.

    Args:
        views: pooled features of the training photos, (views, n, d); the first view is the plain photo.
        labels: class of each photo, (n,).
        classes: how many classes there are.
        seed: of the folds.
        groups: photos of one group are held out together.

    Raises:
        PhotosError: a class has fewer than two training photos.
    """
    counts = np.bincount(labels, minlength=classes)
    if counts.min() < 2:
        raise PhotosError(
            f"Cross-validation needs two training photos of every class; class number {counts.argmin()} has "
            f"{counts.min()}. Add photos of it."
        )
    rows = _search_rows(labels, seed)
    parts = folds(
        labels[rows],
        k=int(min(5, np.bincount(labels[rows], minlength=classes).min())),
        seed=seed,
        groups=None if groups is None else groups[rows],
    )
    by_strength = np.zeros((len(STRENGTHS), len(rows), classes))
    for seen, held in parts:
        path = _path(views[:, rows[seen]], labels[rows[seen]], classes)
        for place, fitted in enumerate(path):
            by_strength[place, held] = fitted.logits(views[0, rows[held]])
    losses = [float(log_losses(softmax(logits), labels[rows]).mean()) for logits in by_strength]
    best = int(np.argmin(losses))
    final = _path(views, labels, classes, STRENGTHS[: best + 1])[-1]
    return replace(
        final,
        searched=tuple(zip(STRENGTHS, losses, strict=True)),
        held_out=by_strength[best],
        held_out_rows=rows,
    )


def _search_rows(labels: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """At most `SEARCH_PHOTOS` rows, every class in proportion and with two photos at least."""
    if len(labels) <= SEARCH_PHOTOS:
        return np.arange(len(labels))
    draw = np.random.default_rng(seed)
    share = SEARCH_PHOTOS / len(labels)
    kept = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        kept.append(draw.permutation(own)[: max(2, round(share * len(own)))])
    return np.sort(np.concatenate(kept))


def _path(
    views: NDArray[np.float32], labels: NDArray[np.int64], classes: int, strengths: tuple[float, ...] = STRENGTHS
) -> list[Probe]:
    """One fit per penalty, strongest first, each warm-started from its neighbour."""
    stacked, repeated = views.reshape(-1, views.shape[-1]), np.tile(labels, len(views))
    scaler = StandardScaler().fit(stacked)
    scaled = scaler.transform(stacked)
    regression = LogisticRegression(warm_start=True, max_iter=300, tol=1e-3)
    fits = []
    for strength in strengths:
        regression.C = 1 / (strength * len(repeated))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # judged by its held-out loss, converged or not
            regression.fit(scaled, repeated)
        fits.append(_unscaled(regression, scaler, strength, classes))
    return fits


def _unscaled(regression: LogisticRegression, scaler: StandardScaler, strength: float, classes: int) -> Probe:
    """The same classifier on features as they come, with a row for every class."""
    weight, bias = regression.coef_ / scaler.scale_, regression.intercept_
    bias = bias - weight @ scaler.mean_
    if len(weight) == 1:  # scikit-learn keeps one row for two classes: its logit is the difference
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    whole = np.zeros((classes, weight.shape[1]), dtype=np.float32)
    offset = np.full(classes, -1e4 if len(weight) < classes else 0.0, dtype=np.float32)
    whole[regression.classes_], offset[regression.classes_] = weight, bias
    nothing = np.zeros((0, classes))
    return Probe(whole, offset, strength, (), nothing, np.zeros(0, dtype=np.int64))
