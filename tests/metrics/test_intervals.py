"""Intervals against published examples and against how often they hold the truth."""

import numpy as np
import pytest
import scipy.stats

from inarch.errors import UserError
from inarch.metrics.intervals import bootstrap, mean_share, photos_until, wilson
from tolerance import assert_same_computation


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe 1998, Statistics in Medicine 17, Table I, method 3
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (0, 10, 0.0, 0.2775),  # z^2 / (n + z^2), by hand
        (10, 10, 0.7225, 1.0),
    ],
)
def test_wilson_gives_the_published_intervals(successes: int, n: int, low: float, high: float) -> None:
    """Published and hand-computed bounds, to the four digits that were printed."""
    estimate = wilson(successes, n)
    assert estimate.value == successes / n
    assert estimate.n == n
    assert (estimate.low, estimate.high) == pytest.approx((low, high), abs=5.1e-5)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (3, 7), (40, 40), (2, 100_000)])
def test_wilson_is_scipys(successes: int, n: int, confidence: float) -> None:
    """Which predictions and evaluations do without."""
    bounds = scipy.stats.binomtest(successes, n).proportion_ci(confidence, "wilson")
    estimate = wilson(successes, n, confidence)
    assert (estimate.low, estimate.high) == pytest.approx(bounds, rel=1e-12, abs=1e-15)


def test_wilson_always_holds_the_share_within_zero_and_one() -> None:
    """0 <= low <= value <= high <= 1, also at the ends where rounding could break it."""
    for n in range(1, 60):
        for successes in range(n + 1):
            estimate = wilson(successes, n)
            assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_wilson_mirrors() -> None:
    """Counting failures instead of successes turns the interval around."""
    right, wrong = wilson(37, 40), wilson(3, 40)
    assert_same_computation((right.low, right.high), (1 - wrong.high, 1 - wrong.low), terms=10)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_wilson_refuses_what_is_not_a_share(successes: int, n: int) -> None:
    """The message says what was asked."""
    with pytest.raises(UserError, match=f"got {successes} of {n}"):
        wilson(successes, n)


def test_wilson_refuses_a_confidence_in_percent() -> None:
    """95 is not 0.95."""
    with pytest.raises(UserError, match="between 0 and 1, such as"):
        wilson(1, 2, confidence=95.0)


def test_mean_share_is_the_mean_of_the_shares() -> None:
    """Classes count alike, whatever their size."""
    estimate = mean_share([9, 50], [10, 100])
    assert estimate.value == pytest.approx(0.7)
    assert estimate.n == 110
    assert 0 <= estimate.low < 0.7 < estimate.high <= 1


@pytest.mark.parametrize(
    ("totals", "shares"), [((10, 10), (0.95, 0.95)), ((5, 60), (0.8, 0.97)), ((5,) * 20, (0.6,) * 20)]
)
def test_mean_share_holds_the_truth_at_least_nine_times_in_ten(
    totals: tuple[int, ...], shares: tuple[float, ...]
) -> None:
    """Also for few photos and for shares near 1, where a bootstrap fails (65 %)."""
    generator = np.random.default_rng(0)
    drawn = [mean_share(generator.binomial(totals, shares).tolist(), totals) for _ in range(1000)]
    held = np.mean([each.low <= np.mean(shares) <= each.high for each in drawn])
    assert held > 0.9


def test_mean_share_refuses_no_shares() -> None:
    """Nothing has no mean."""
    with pytest.raises(UserError, match="Shares need"):
        mean_share([], [])


def test_bootstrap_of_a_mean_agrees_with_the_normal_interval() -> None:
    """For the mean of many numbers the percentile interval is mean +/- 1.96 standard errors."""
    values = np.random.default_rng(1).normal(3.0, 2.0, size=2000)
    estimate = bootstrap(lambda drawn: drawn.mean(), values, generator=np.random.default_rng(2))
    half = 1.96 * values.std(ddof=1) / np.sqrt(2000)
    assert_same_computation(estimate.value, values.mean(), terms=len(values))
    assert (estimate.low, estimate.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=half / 8)


def test_bootstrap_is_scipys() -> None:
    """The same draws, the same quantiles; the value lies within its interval anyway."""
    values = np.random.default_rng(3).exponential(size=80)
    own = bootstrap(np.mean, values, generator=np.random.default_rng(4))
    theirs = scipy.stats.bootstrap(
        (values,), np.mean, n_resamples=1000, vectorized=False, method="percentile", rng=np.random.default_rng(4)
    )
    assert (own.low, own.high) == pytest.approx(tuple(theirs.confidence_interval), rel=1e-12)


def test_bootstrap_draws_the_same_rows_from_every_array() -> None:
    """A statistic of pairs that never differ never differs."""
    values = np.arange(50.0)
    estimate = bootstrap(lambda a, b: np.abs(a - b).max(), values, values, generator=np.random.default_rng(0))
    assert (estimate.value, estimate.low, estimate.high) == (0, 0, 0)


def test_bootstrap_is_a_function_of_its_generator() -> None:
    """The same seed gives the same interval."""
    values = np.arange(20.0)
    first, second = (bootstrap(np.mean, values, generator=np.random.default_rng(5)) for _ in range(2))
    assert first == second


def test_bootstrap_refuses_arrays_that_do_not_fit() -> None:
    """Zero rows, or two lengths, have no resample."""
    with pytest.raises(UserError, match=r"got lengths \[0\]"):
        bootstrap(np.mean, np.zeros(0), generator=np.random.default_rng(0))
    with pytest.raises(UserError, match=r"got lengths \[2, 3\]"):
        bootstrap(np.mean, np.zeros(2), np.zeros(3), generator=np.random.default_rng(0))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 1.0])
def test_so_many_photos_are_enough_and_half_of_them_are_not(share: float) -> None:
    """For an interval of 4 points in all."""
    n = photos_until(share, lambda known: known.high - known.low <= 0.04)
    assert n is not None
    for count, enough in ((n, True), (2 * n, True), (n // 2, False)):
        known = wilson(round(share * count), count)
        assert (known.high - known.low <= 0.04) == enough


def test_photos_that_no_number_would_do_are_not_promised() -> None:
    """A share of one half never has an interval below it."""
    assert photos_until(0.5, lambda known: known.high < 0.5) is None
