"""Photos without labels: those that the probe is surest of are learned from as if they had the labels it gives them.

Self-training with pseudo-labels (Lee 2013; Scudder 1965) on cached features, of every class the same share (Zou et al.
2018, arXiv 1810.07911, section 4.2), so that a class which is easily taken for another does not die out. It confirms
what the probe believes, errors too: it is kept only where folds that were held out prove it better.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from inarch.data.split import count_groups, folds
from inarch.metrics.softmax import softmax
from inarch.transfer.linear import Probe, fit_at

SHARES = (1 / 6, 1 / 3, 1 / 2)
"""Of the photos that are answered with a class, the surest, in one round after another."""
MOST_PHOTOS = 4000
"""Without labels, that are learned from; of more, a part will do."""


@dataclass(frozen=True)
class LabelledFeatures:
    """What is learned from with labels, and how."""

    views: NDArray[np.float32]
    """Features, (views, n, d); the first view is the plain photo."""
    labels: NDArray[np.int64]
    groups: NDArray[np.int64]
    strength: float
    """Penalty per photo."""
    classes: int
    class_weighting: str

    def fit(self, rows: NDArray[np.int64]) -> Probe:
        """With nothing but labelled photos."""
        return self._fit(rows, self.views[0, :0], self.labels[:0])

    def self_trained(self, rows: NDArray[np.int64], unlabelled: NDArray[np.float32]) -> Probe:
        """With unlabelled ones too, (m, d)."""
        fit = self.fit(rows)
        for share in SHARES:
            given = fit.logits(unlabelled)
            chosen = select_confident_rows(given, share)
            fit = self._fit(rows, unlabelled[chosen], given[chosen].argmax(1))
        return fit

    def _fit(self, rows: NDArray[np.int64], more: NDArray[np.float32], given: NDArray[np.int64]) -> Probe:
        seen = self.views[:, rows].reshape(-1, self.views.shape[-1])
        labels = np.concatenate([np.tile(self.labels[rows], len(self.views)), given])
        features = np.concatenate([seen, more])
        return fit_at(features, labels, self.strength, classes=self.classes, class_weighting=self.class_weighting)


def select_confident_rows(logits: NDArray[np.float64], share: float) -> NDArray[np.intp]:
    """Rows whose answers are the surest ``share`` of those with the same class; one of each class at least."""
    answers, certainty = logits.argmax(1), softmax(logits).max(1)
    kept = []
    for label in np.unique(answers):
        own = np.flatnonzero(answers == label)
        kept.append(own[np.argsort(-certainty[own], kind="stable")][: int(np.ceil(share * len(own)))])
    return np.sort(np.concatenate(kept)) if kept else np.zeros(0, dtype=np.intp)


def self_train_probe(labelled: LabelledFeatures, unlabelled: NDArray[np.float32], fit: Probe, *, seed: int) -> Probe:
    """The probe that self-training makes of ``fit``, with logits of the photos that each fold's fit did not see.

    Args:
        labelled: the photos that ``fit`` learned from.
        unlabelled: features of the others, (m, d).
        fit: by cross-validation; the folds are its first ones, so that both can be compared photo by photo.
        seed: of the folds.
    """
    labels, groups = labelled.labels[fit.held_out_rows], labelled.groups[fit.held_out_rows]
    k = min(5, *count_groups(labels, groups, labelled.classes))
    held_out = np.zeros_like(fit.held_out)
    with threadpool_limits(1, user_api="blas"):
        for seen, held in folds(labels, k=k, seed=seed, groups=groups):
            trained = labelled.self_trained(fit.held_out_rows[seen], unlabelled)
            held_out[held] = trained.logits(labelled.views[0, fit.held_out_rows[held]])
    final = labelled.self_trained(np.arange(len(labelled.labels)), unlabelled)
    return replace(final, searched=fit.searched, held_out=held_out, held_out_rows=fit.held_out_rows)
