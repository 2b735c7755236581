"""Linear CKA, by its symmetries and by features that have nothing in common."""

import numpy as np
import pytest

from inarch.errors import UserError
from inarch.metrics.alignment import linear_cka
from tolerance import assert_same_computation


def test_a_turn_a_scale_and_a_shift_change_nothing() -> None:
    """Nor does the order of the two."""
    draw = np.random.default_rng(0)
    one, other = draw.normal(size=(40, 6)), draw.normal(size=(40, 9))
    turn, _ = np.linalg.qr(draw.normal(size=(6, 6)))
    assert linear_cka(one, 3 * one @ turn + 5) == pytest.approx(1)
    terms = 40**2 * (6 + 9)
    assert_same_computation(linear_cka(one, other), linear_cka(other, one), terms=terms, magnitude=1.0)
    assert_same_computation(linear_cka(one @ turn, other + 2), linear_cka(one, other), terms=terms, magnitude=1.0)


def test_wide_features_of_few_photos_are_not_alike_by_chance() -> None:
    """Where the biased estimate says 0.9 and more, the unbiased one is about 0 on average."""
    draw = np.random.default_rng(1)
    values = [linear_cka(draw.normal(size=(20, 500)), draw.normal(size=(20, 500))) for _ in range(40)]
    assert abs(np.mean(values)) < 0.05


def test_it_is_the_u_statistic() -> None:
    """The criterion over all quadruples of different photos, written out (Song et al. 2012, equation 4)."""
    draw = np.random.default_rng(2)
    one, other = draw.normal(size=(6, 2)), draw.normal(size=(6, 3))

    def criterion(a: np.ndarray, b: np.ndarray) -> float:
        first, second, n = a @ a.T, b @ b.T, len(a)
        total = [
            first[i, j] * (second[i, j] + second[q, r] - 2 * second[i, q])
            for i in range(n)
            for j in range(n)
            for q in range(n)
            for r in range(n)
            if len({i, j, q, r}) == 4
        ]
        return float(np.mean(total))

    wanted = criterion(one, other) / np.sqrt(criterion(one, one) * criterion(other, other))
    assert_same_computation(linear_cka(one, other), wanted, terms=6**4, magnitude=1.0)


def test_too_few_or_unpaired_are_refused() -> None:
    """Said, not divided by zero."""
    with pytest.raises(UserError, match="same 4 photos"):
        linear_cka(np.ones((3, 2)), np.ones((3, 2)))
    with pytest.raises(UserError, match="got 5, 4"):
        linear_cka(np.ones((5, 2)), np.ones((4, 2)))
