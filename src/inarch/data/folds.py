"""Cross-validation folds: each is the validation set once, and a group is never split."""

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from inarch.errors import UserError

FOLDS = 5
"""The folds of a cross-validation, where there are photos enough; a trial validates on one of them."""
Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


def folds(labels: NDArray[np.integer], *, k: int, seed: int, groups: NDArray[np.generic] | None = None) -> list[Fold]:
    """k stratified folds: for each the indices of the training and of the validation photos.

    Args:
        labels: class of each photo, (n,).
        k: the number of folds.
        seed: of the shuffling.
        groups: the group of each photo, (n,); a group stays in one fold. Without it, every photo is its own group.

    Raises:
        UserError: a class has fewer than k photos (or groups), so that a fold would lack it.
    """
    own = np.arange(len(labels)) if groups is None else np.asarray(groups)
    is_grouped = len(np.unique(own)) < len(own)
    rarest = min((len(np.unique(own[labels == label])) for label in np.unique(labels)), default=0)
    if not 2 <= k <= rarest:
        noun = "groups" if is_grouped else "photos"
        raise UserError(f"{k} folds need at least 2 and {k} {noun} of every class; the rarest class has {rarest}.")
    if is_grouped:
        return list(StratifiedGroupKFold(k, shuffle=True, random_state=seed).split(labels, labels, own))
    return list(StratifiedKFold(k, shuffle=True, random_state=seed).split(labels, labels))  # its folds are more even


def loose_folds(labels: NDArray[np.integer], groups: NDArray[np.generic], *, k: int, seed: int) -> list[Fold]:
    """Like `folds`, for few photos: a class may be absent from a training part; there are at most as many folds as
    groups.

    Each class's groups are assigned to the folds in turn, continuing where the last class ended.
    """
    units = np.unique(groups, return_inverse=True)[1]
    shuffled = np.random.default_rng(seed).permutation(units.max() + 1)[units]
    in_turn = units[np.lexsort((shuffled, labels))]
    first = np.unique(in_turn, return_index=True)[1]
    fold = first.argsort().argsort()[units] % k
    return [(np.flatnonzero(fold != each), np.flatnonzero(fold == each)) for each in np.unique(fold)]
