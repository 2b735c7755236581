"""Comparisons against scipy's tests."""

import numpy as np
import pytest
import scipy.stats

from inarch.errors import UserError
from inarch.metrics.comparison import compare_classifiers, mcnemar, paired_difference
from tolerance import assert_same_computation


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (5, 0), (3, 9), (10, 10), (120, 85)])
def test_mcnemar_is_the_binomial_test_of_the_disagreements(only_a: int, only_b: int) -> None:
    """Photos on which both agree change nothing; without disagreement the p-value is 1."""
    a = np.array([True] * only_a + [False] * only_b + [True] * 7 + [False] * 4)
    b = np.array([False] * only_a + [True] * only_b + [True] * 7 + [False] * 4)
    n = only_a + only_b
    expected = scipy.stats.binomtest(only_a, n, 0.5).pvalue if n else 1.0
    assert_same_computation(mcnemar(a, b), expected, terms=n, magnitude=1.0)
    assert mcnemar(b, a) == mcnemar(a, b)


def test_paired_difference_is_the_paired_t_statistic() -> None:
    """Mean over standard error is scipy's t; swapping the two turns the sign."""
    generator = np.random.default_rng(0)
    a, b = generator.exponential(size=40), generator.exponential(size=40)
    difference = paired_difference(a, b)
    expected = scipy.stats.ttest_rel(a, b).statistic
    assert_same_computation(difference.mean / difference.standard_error, expected, terms=40, magnitude=a.max())
    assert paired_difference(b, a).mean == -difference.mean


def test_one_photo_proves_nothing() -> None:
    """Its standard error is not a number, so that no comparison with it is true."""
    difference = paired_difference(np.array([1.0]), np.array([9.0]))
    assert difference.mean == -8
    assert not difference.mean < -2 * difference.standard_error


def test_only_the_same_photos_are_compared() -> None:
    """Two lengths, or none at all, are a mistake."""
    with pytest.raises(UserError, match="got 0 and 0"):
        mcnemar(np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))
    with pytest.raises(UserError, match="got 0 and 0"):
        paired_difference(np.zeros(0), np.zeros(0))


def test_a_verdict_turns_with_the_two_that_are_compared() -> None:
    """Better becomes worse, with the sign of every figure; undecided stays undecided; nothing is lost by a swap."""
    draw = np.random.default_rng(0)
    for share in (0.5, 0.55, 0.9):
        correct = draw.random(80) < share, draw.random(80) < 0.5
        losses = draw.exponential(size=80) / share, draw.exponential(size=80) / 0.5
        one, other = (
            compare_classifiers(correct, np.arange(80), losses),
            compare_classifiers(correct[::-1], np.arange(80), losses[::-1]),
        )
        assert {"better": "worse", "worse": "better"}.get(one.verdict, one.verdict) == other.verdict
        turned = (-other.gain.value, -other.gain.high, -other.gain.low)
        assert_same_computation((one.gain.value, one.gain.low, one.gain.high), turned, terms=80, magnitude=1.0)
        assert one.p == other.p == mcnemar(*correct)


@pytest.mark.parametrize("n", [10, 30, 100])
def test_classifiers_that_are_alike_are_told_apart_once_in_20_times_at_most(n: int) -> None:
    """By accuracy alone, as McNemar's test is exact; and the interval holds 0 in 93 % of the draws at least."""
    draw = np.random.default_rng(1)
    decided = inside = 0
    for _ in range(400):
        found = compare_classifiers((draw.random(n) < 0.7, draw.random(n) < 0.7), np.arange(n))
        decided += found.verdict != "inconclusive"
        inside += found.gain.low <= 0 <= found.gain.high
    assert decided <= 0.05 * 400
    assert inside >= 0.93 * 400


def test_units_count_once_and_equal_classifiers_keep_an_interval() -> None:
    """Six photos prove what one unit of six does not; no disagreement at all does not mean certainty."""
    right, wrong = np.ones(6, bool), np.zeros(6, bool)
    assert compare_classifiers((right, wrong), np.arange(6)).verdict == "better"
    assert compare_classifiers((right, wrong), np.zeros(6, int)).verdict == "inconclusive"
    same = compare_classifiers((right, right), np.arange(6))
    assert same.gain.low < 0 == same.gain.value < same.gain.high


def test_a_lower_loss_decides_unless_it_is_less_accurate() -> None:
    """All losses lower: better where accuracy is the same, undecided where the other is right a little more often."""
    draw = np.random.default_rng(0)
    losses = 0.2 + draw.random(30) / 10, 0.5 + draw.random(30) / 10
    right = np.ones(30, bool)
    less = right & (np.arange(30) > 1)
    assert compare_classifiers((right, right), np.arange(30), losses).verdict == "better"
    assert compare_classifiers((less, right), np.arange(30), losses).verdict == "inconclusive"
