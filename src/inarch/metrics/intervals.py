"""95 % intervals: for a share, for the mean of several shares, and for anything that can be resampled."""

from collections.abc import Callable, Sequence
from math import hypot, inf, sqrt
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from inarch.errors import UserError
from inarch.metrics.records import Estimate


class Interval(NamedTuple):
    """A mean with its bounds."""

    mean: float
    low: float
    high: float


def wilson(successes: int, n: int, confidence: float = 0.95) -> Estimate:
    """A share with its Wilson score interval, which stays honest at 0, at 1 and at small ``n``.

    Wilson 1927; recommended for small n by Brown, Cai and DasGupta 2001, Statistical Science 16(2).

    Raises:
        UserError: ``n`` is 0, ``successes`` is not within 0 and ``n``, or ``confidence`` not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise UserError(f"A confidence is between 0 and 1, such as 0.95; {confidence} was asked for.")
    if n < 1 or not 0 <= successes <= n:
        raise UserError(f"A share needs 0 <= successes <= n and n >= 1; got {successes} of {n}.")
    z = _quantile(confidence)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At 0 and at n the bound equals the share, up to rounding.
    return Estimate(share, low=max(0.0, min(share, centre - half)), high=min(1.0, max(share, centre + half)), n=n)


MOST_PHOTOS = 10**7
"""More are asked of nobody."""


def photos_until(share: float, is_enough: Callable[[Estimate], bool]) -> int | None:
    """About how many photos it takes until the interval of a share is as wanted, if the share stays what it is.

    Args:
        share: 0 to 1.
        is_enough: of such an estimate; narrower intervals do not lose it again.

    Returns:
        None where `MOST_PHOTOS` are not enough.
    """

    def enough(n: int) -> bool:
        return is_enough(wilson(round(share * n), n))

    high = 1
    while not enough(high):
        if high > MOST_PHOTOS:
            return None
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def difference(one: Estimate, other: Estimate) -> Estimate:
    """One share minus another that is independent of it, with its 95 % interval from theirs; ``n`` is the smaller one.

    Newcombe 1998, Statistics in Medicine 17(8), method 10, where both have Wilson's intervals.
    """
    value = one.value - other.value
    low = value - hypot(one.value - one.low, other.high - other.value)
    high = value + hypot(one.high - one.value, other.value - other.low)
    return Estimate(value, low, high, min(one.n, other.n))


def mean_share(successes: Sequence[int], totals: Sequence[int]) -> Estimate:
    """The unweighted mean of several shares, ``successes[k]`` of ``totals[k]`` each, with its 95 % interval.

    Each share's variance is taken at (successes + 1) / (total + 2), Laplace's estimate, so that a perfect score of a
    few photos keeps an interval. A bootstrap within each class does not: simulated with two classes of ten photos and
    a true share of 95 %, its "95 %" intervals held the truth 65 % of the time; these, 99 %.

    Raises:
        UserError: there are no shares, or one of them is not within 0 and its total.
    """
    if not totals or not all(0 <= right <= n and n >= 1 for right, n in zip(successes, totals, strict=True)):
        raise UserError(f"Shares need 0 <= successes <= totals and totals >= 1; got {successes} of {totals}.")
    value = sum(right / n for right, n in zip(successes, totals, strict=True)) / len(totals)
    cautious = [(n, (right + 1) / (n + 2)) for right, n in zip(successes, totals, strict=True)]
    variance = sum(share * (1 - share) / n for n, share in cautious) / len(totals) ** 2
    half = _quantile(0.95) * sqrt(variance)
    return Estimate(value, max(0.0, value - half), min(1.0, value + half), sum(totals))


def bootstrap(
    statistic: Callable[..., float],
    *arrays: NDArray[Any],
    generator: np.random.Generator,
    resamples: int = 1000,
) -> Estimate:
    """A statistic with its 95 % percentile bootstrap interval.

    The interval always holds the value itself, which a biased statistic's resamples may all miss.

    Args:
        statistic: a function of ``arrays``.
        arrays: of one length; the same rows are drawn from each.
        generator: where the resamples are drawn from.
        resamples: how many times the rows are drawn, with replacement.

    Raises:
        UserError: there are no rows, or the arrays differ in length.
    """
    lengths = sorted({len(array) for array in arrays})
    if len(lengths) != 1 or lengths[0] == 0:
        raise UserError(f"A bootstrap needs arrays of one length, of at least 1; got lengths {lengths}.")
    n = lengths[0]
    value = float(statistic(*arrays))
    draws = (generator.integers(n, size=n) for _ in range(resamples))
    drawn = [float(statistic(*(array[rows] for array in arrays))) for rows in draws]
    low, high = (float(bound) for bound in np.quantile(drawn, (0.025, 0.975)))
    return Estimate(value, min(low, value), max(high, value), n)


def _quantile(confidence: float) -> float:
    """How many standard errors a two-sided normal interval reaches."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def t_interval(differences: Sequence[float], confidence: float, grain: float = 0.0) -> Interval:
    """The mean of paired differences with Student's interval; of a single one it is endless.

    Args:
        differences: one for each seed.
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
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * spread / sqrt(n)
    return Interval(mean, mean - half, mean + half)
