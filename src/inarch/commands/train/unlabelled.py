"""Self-training: the probe's most confident predictions on unlabelled photos serve as pseudo-labels.

Pseudo-labels (Lee 2013; Scudder 1965) on cached features, the same share of every class (Zou et al. 2018, arXiv
1810.07911, section 4.2), so that a class which is easily confused with another does not die out. Self-training
confirms the probe's predictions, errors included: it is kept only if it is significantly better in cross-validation.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from inarch.data.folds import folds
from inarch.data.labels import PhotoLabels
from inarch.data.split import count_groups
from inarch.metrics.softmax import softmax
from inarch.transfer.class_weighting import class_weighting_of
from inarch.transfer.linear import Probe, fit_at
from inarch.transfer.recipes import SelfTrainingRecipe


@dataclass(frozen=True)
class LabelledFeatures:
    """The labelled training set, and how a probe is fitted to it."""

    views: NDArray[np.float32]
    """Features, (views, n, d); the first view is the plain photo."""
    photos: PhotoLabels
    strength: float
    """L2 regularisation strength per photo."""
    class_weighting: str
    recipe: SelfTrainingRecipe = field(default_factory=SelfTrainingRecipe)

    def fit(self, rows: NDArray[np.int64]) -> Probe:
        """A probe of the labelled photos alone."""
        return self._fit(rows, self.views[0, :0], self.photos.labels[:0])

    def self_trained(self, rows: NDArray[np.int64], unlabelled: NDArray[np.float32]) -> Probe:
        """A probe of the labelled photos and of unlabelled ones with features (m, d)."""
        fit = self.fit(rows)
        for share in self.recipe.shares:
            given = fit.logits(unlabelled)
            chosen = select_confident_rows(given, share)
            fit = self._fit(rows, unlabelled[chosen], given[chosen].argmax(1))
        return fit

    def _fit(self, rows: NDArray[np.int64], more: NDArray[np.float32], given: NDArray[np.int64]) -> Probe:
        seen = self.views[:, rows].reshape(-1, self.views.shape[-1])
        labels = np.concatenate([np.tile(self.photos.labels[rows], len(self.views)), given])
        features = np.concatenate([seen, more])
        weighting = class_weighting_of(self.class_weighting, labels, self.photos.classes)
        return fit_at(features, labels, self.strength, weighting)


def select_confident_rows(logits: NDArray[np.float64], share: float) -> NDArray[np.intp]:
    """The rows with the most confident ``share`` of the predictions of each class; at least one of each class."""
    answers, certainty = logits.argmax(1), softmax(logits).max(1)
    kept = []
    for label in np.unique(answers):
        own = np.flatnonzero(answers == label)
        kept.append(own[np.argsort(-certainty[own], kind="stable")][: int(np.ceil(share * len(own)))])
    return np.sort(np.concatenate(kept)) if kept else np.zeros(0, dtype=np.intp)


def self_train_probe(labelled: LabelledFeatures, unlabelled: NDArray[np.float32], fit: Probe, *, seed: int) -> Probe:
    """The probe that self-training makes of ``fit``, with out-of-fold logits of the labelled photos.

    Args:
        labelled: the training set of ``fit``.
        unlabelled: features of the unlabelled photos, (m, d).
        fit: by cross-validation; its first folds are used again, so that both can be compared photo by photo.
        seed: of the folds.
    """
    photos = labelled.photos.at(fit.held_out_rows)
    k = min(5, *count_groups(photos.labels, photos.groups, photos.classes))
    held_out = np.zeros_like(fit.held_out)
    with threadpool_limits(1, user_api="blas"):
        for seen, held in folds(photos.labels, k=k, seed=seed, groups=photos.groups):
            trained = labelled.self_trained(fit.held_out_rows[seen], unlabelled)
            held_out[held] = trained.logits(labelled.views[0, fit.held_out_rows[held]])
    final = labelled.self_trained(np.arange(len(labelled.photos)), unlabelled)
    return replace(final, searched=fit.searched, held_out=held_out, held_out_rows=fit.held_out_rows)
