"""Is one classifier better than another on the same photos, or is it too close to call?"""

from math import nan, sqrt
from typing import NamedTuple

import numpy as np
from scipy.special import bdtr

from inarch.errors import UserError
from inarch.metrics.arrays import Correct, Losses


class PairedDifference(NamedTuple):
    """The mean over photos of loss a minus loss b: below 0, a is better."""

    mean: float
    standard_error: float
    """NaN for a single photo, which proves nothing."""


def mcnemar(correct_a: Correct, correct_b: Correct) -> float:
    """The p-value of McNemar's exact two-sided test: how often chance alone would split the disagreements so.

    Only photos that one of the two answers rightly count; with none of those the value is 1.

    Raises:
        UserError: there are no photos, or not as many for a as for b.
    """
    _check_paired(len(correct_a), len(correct_b))
    only_a = int((correct_a & ~correct_b).sum())
    only_b = int((correct_b & ~correct_a).sum())
    return min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))


def paired_difference(losses_a: Losses, losses_b: Losses) -> PairedDifference:
    """The mean difference of two classifiers' losses on the same photos, with its standard error.

    Pairing removes the spread between easy and hard photos, which both classifiers share.

    Raises:
        UserError: there are no photos, or not as many for a as for b.
    """
    _check_paired(len(losses_a), len(losses_b))
    differences = losses_a.astype(np.float64) - losses_b.astype(np.float64)
    n = len(differences)
    spread = float(differences.std(ddof=1)) / sqrt(n) if n > 1 else nan
    return PairedDifference(float(differences.mean()), spread)


def _check_paired(n_a: int, n_b: int) -> None:
    if n_a != n_b or n_a == 0:
        raise UserError(f"Two classifiers are compared on the same photos, at least 1; got {n_a} and {n_b}.")
