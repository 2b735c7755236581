"""Paired tests: whether one classifier is better than another on the same photos."""

from collections.abc import Sequence
from math import inf, nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from inarch.errors import UserError
from inarch.metrics.arrays import Correct, Losses
from inarch.metrics.records import Comparison, Estimate

LEVEL = 0.05
"""The level of significance."""


class Interval(NamedTuple):
    """A mean with its bounds."""

    mean: float
    low: float
    high: float


class PairedDifference(NamedTuple):
    """The mean over photos of loss a minus loss b: below 0, a is better."""

    mean: float
    standard_error: float
    """NaN for a single photo, which proves nothing."""


def mcnemar(correct_a: Correct, correct_b: Correct) -> float:
    """The p-value of McNemar's exact two-sided test.

    Only photos that exactly one of the two predicts correctly count; without any the value is 1.

    Raises:
        UserError: there are no photos, or ``correct_a`` and ``correct_b`` differ in length.
    """
    _check_paired(len(correct_a), len(correct_b))
    return _sign_test(correct_a.astype(np.float64) - correct_b)


def paired_difference(losses_a: Losses, losses_b: Losses) -> PairedDifference:
    """The mean difference of two classifiers' losses on the same photos, with its standard error.

    Pairing removes the variance between easy and hard photos, which both classifiers share.

    Raises:
        UserError: there are no photos, or ``losses_a`` and ``losses_b`` differ in length.
    """
    _check_paired(len(losses_a), len(losses_b))
    differences = losses_a.astype(np.float64) - losses_b.astype(np.float64)
    n = len(differences)
    spread = float(differences.std(ddof=1)) / sqrt(n) if n > 1 else nan
    return PairedDifference(float(differences.mean()), spread)


def t_interval(differences: Sequence[float] | NDArray[np.float64], confidence: float, grain: float = 0.0) -> Interval:
    """The mean of paired differences with Student's interval; of a single one it is endless.

    Args:
        differences: one for each seed, or for each unit of photos.
        confidence: of the two-sided interval.
        grain: the spread is taken to be this at least.

    Raises:
        UserError: there are no differences.
    """
    n = len(differences)
    if n == 0:
        raise UserError("An interval needs at least one difference; got none.")
    mean = float(np.mean(differences))
    if n == 1:
        return Interval(mean, -inf, inf)
    spread = max(float(np.std(differences, ddof=1)), grain)
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * spread / sqrt(n)  # t.interval has none where it is 0
    return Interval(mean, mean - half, mean + half)


def compare_classifiers(
    correct: tuple[Correct, Correct], units: NDArray[np.integer], losses: tuple[Losses, Losses] | None = None
) -> Comparison:
    """Whether the first of two classifiers is better than the second, on the same photos.

    Better means: no less accurate, and either its accuracy (sign test, p < 0.05; with every photo its own unit, that is
    McNemar's exact test) or its log loss (paired, Student's t, the same level) beats the other's. Worse is the reverse.
    Everything else is inconclusive.

    Args:
        correct: which photos each predicts correctly, (n,).
        units: photos of one unit are correlated and count once, (n,).
        losses: of each on every photo, (n,); without them accuracy alone decides.

    Raises:
        UserError: there are no photos, or the arguments differ in length.
    """
    _check_paired(len(correct[0]), len(correct[1]))
    gains = _mean_by_unit(correct[0].astype(np.float64) - correct[1], units)
    gain, p = _gain(gains), _sign_test(gains)
    drop = nan if losses is None else paired_difference(losses[1], losses[0]).mean
    lowered = 0 if losses is None else _certain_sign(_mean_by_unit(losses[1] - losses[0], units))
    verdict = "inconclusive"
    if gain.value >= 0 and ((p < LEVEL and gain.value > 0) or lowered > 0):
        verdict = "better"
    elif gain.value <= 0 and ((p < LEVEL and gain.value < 0) or lowered < 0):
        verdict = "worse"
    return Comparison(gain, p, None if losses is None else drop, verdict)


def _mean_by_unit(values: NDArray[np.float64], units: NDArray[np.integer]) -> NDArray[np.float64]:
    """The mean of each unit's photos."""
    places = np.unique(units, return_inverse=True)[1]
    return np.asarray(np.bincount(places, weights=values) / np.bincount(places))


def _gain(gains: NDArray[np.float64]) -> Estimate:
    """The mean of paired differences of fractions, with a 95 % interval that does not vanish if all are equal.

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
    return float(stats.binomtest(above, above + below).pvalue) if above or below else 1.0


def _certain_sign(differences: NDArray[np.float64]) -> int:
    """1 or -1 where the whole 95 % interval of the mean (Student's t) lies on that side of 0, else 0."""
    _, low, high = t_interval(differences, 1 - LEVEL)
    return int(low > 0) - int(high < 0)


def _check_paired(n_a: int, n_b: int) -> None:
    if n_a != n_b or n_a == 0:
        raise UserError(f"Two classifiers are compared on the same photos, at least 1; got {n_a} and {n_b}.")
