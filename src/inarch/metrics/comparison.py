"""Is one classifier better than another on the same photos, or is it too close to call?"""

from math import nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, stdtrit

from inarch.errors import UserError
from inarch.metrics.arrays import Correct, Losses
from inarch.metrics.records import Comparison, Estimate

BETTER, WORSE, UNDECIDED = "better", "worse", "too close to call"
LEVEL = 0.05
"""A difference that chance alone would make less often than this is none of chance."""


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
    return _sign_test(correct_a.astype(np.float64) - correct_b)


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


def compare_classifiers(
    correct: tuple[Correct, Correct], units: NDArray[np.integer], losses: tuple[Losses, Losses] | None = None
) -> Comparison:
    """Whether the first of two classifiers is better than the second, on the same photos.

    Better means: no less accurate, and either its accuracy (sign test, p < 0.05; with every photo its own unit, that is
    McNemar's exact test) or its log loss (paired, Student's t, the same level) beats the other's. Worse is the reverse.
    Everything else is too close to call.

    Args:
        correct: which photos each answers rightly, (n,).
        units: photos of one unit are right or wrong together and count once, (n,).
        losses: of each on every photo, (n,); without them accuracy alone decides.

    Raises:
        UserError: there are no photos, or not as many for one as for the other.
    """
    _check_paired(len(correct[0]), len(correct[1]))
    gains = _mean_by_unit(correct[0].astype(np.float64) - correct[1], units)
    gain, p = _gain(gains), _sign_test(gains)
    drop = nan if losses is None else paired_difference(losses[1], losses[0]).mean
    lowered = 0 if losses is None else _certain_sign(_mean_by_unit(losses[1] - losses[0], units))
    verdict = UNDECIDED
    if gain.value >= 0 and ((p < LEVEL and gain.value > 0) or lowered > 0):
        verdict = BETTER
    elif gain.value <= 0 and ((p < LEVEL and gain.value < 0) or lowered < 0):
        verdict = WORSE
    return Comparison(gain, p, None if losses is None else drop, verdict)


def _mean_by_unit(values: NDArray[np.float64], units: NDArray[np.integer]) -> NDArray[np.float64]:
    """The mean of each unit's photos."""
    places = np.unique(units, return_inverse=True)[1]
    return np.asarray(np.bincount(places, weights=values) / np.bincount(places))


def _gain(gains: NDArray[np.float64]) -> Estimate:
    """The mean of paired differences of shares, with its 95 % interval, which does not vanish where none differ.

    Agresti and Min 2005, Statistics in Medicine 24(5): half a pair is added to each of the four kinds of pairs.
    """
    n = len(gains) + 2
    middle = float(gains.sum()) / n
    half = 1.96 * sqrt((float((gains**2).sum()) + 1) / n - middle**2) / sqrt(n)
    value = float(gains.mean())
    return Estimate(value, max(-1.0, min(value, middle - half)), min(1.0, max(value, middle + half)), len(gains))


def _sign_test(differences: NDArray[np.float64]) -> float:
    """The p-value of the exact two-sided sign test; differences of zero do not count, and without others it is 1."""
    above, below = int((differences > 0).sum()), int((differences < 0).sum())
    return min(1.0, 2 * float(bdtr(min(above, below), above + below, 0.5)))


def _certain_sign(differences: NDArray[np.float64]) -> int:
    """1 or -1 where the whole 95 % interval of the mean (Student's t) lies on that side of 0, else 0."""
    n = len(differences)
    if n < 2:
        return 0
    half = float(stdtrit(n - 1, 1 - LEVEL / 2)) * float(differences.std(ddof=1)) / sqrt(n)
    mean = float(differences.mean())
    return int(mean - half > 0) - int(mean + half < 0)


def _check_paired(n_a: int, n_b: int) -> None:
    if n_a != n_b or n_a == 0:
        raise UserError(f"Two classifiers are compared on the same photos, at least 1; got {n_a} and {n_b}.")
