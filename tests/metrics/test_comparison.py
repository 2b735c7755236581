"""Comparisons against scipy's tests."""

import numpy as np
import pytest
import scipy.stats

from inarch.errors import UserError
from inarch.metrics.comparison import mcnemar, paired_difference


@pytest.mark.parametrize(("only_a", "only_b"), [(0, 0), (5, 0), (3, 9), (10, 10), (120, 85)])
def test_mcnemar_is_the_binomial_test_of_the_disagreements(only_a: int, only_b: int) -> None:
    """Photos on which both agree change nothing; without disagreement the p-value is 1."""
    a = np.array([True] * only_a + [False] * only_b + [True] * 7 + [False] * 4)
    b = np.array([False] * only_a + [True] * only_b + [True] * 7 + [False] * 4)
    n = only_a + only_b
    expected = scipy.stats.binomtest(only_a, n, 0.5).pvalue if n else 1.0
    assert mcnemar(a, b) == pytest.approx(expected)
    assert mcnemar(b, a) == mcnemar(a, b)


def test_paired_difference_is_the_paired_t_statistic() -> None:
    """Mean over standard error is scipy's t; swapping the two turns the sign."""
    generator = np.random.default_rng(0)
    a, b = generator.exponential(size=40), generator.exponential(size=40)
    difference = paired_difference(a, b)
    assert difference.mean / difference.standard_error == pytest.approx(scipy.stats.ttest_rel(a, b).statistic)
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
