"""Which photos are answered rightly, and what share they are."""

import numpy as np
from numpy.typing import NDArray

from inarch.metrics.intervals import wilson
from inarch.metrics.records import Estimate


def is_correct(scores: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """For each photo whether the highest of its scores is that of its class.

    Args:
        scores: logits or probabilities, (n, classes).
        labels: (n,).
    """
    return np.asarray(scores.argmax(1) == labels)


def accuracy_of(scores: NDArray[np.floating], labels: NDArray[np.integer]) -> Estimate:
    """The share of those photos, with its interval.

    Raises:
        UserError: there are no photos.
    """
    return wilson(int(is_correct(scores, labels).sum()), len(labels))


def accuracy_of_units(wrong: NDArray[np.float64], units: NDArray[np.intp]) -> Estimate:
    """The accuracy, with its interval, from how often each photo was wrong, (n,), and its group, from 0 on, (n,).

    Photos of one group are correlated, so the interval counts each group once.
    """
    n = int(units.max()) + 1
    return wilson(round(n * float(1 - wrong.mean())), n)
