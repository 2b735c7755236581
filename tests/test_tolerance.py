"""The tolerance of two computations: it holds what rounding does, and little more."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from tolerance import assert_same_computation, assert_same_probabilities, rounding_error, terms_of


@given(st.integers(2, 3000), st.integers(0, 1000), st.sampled_from([torch.float16, torch.float32, torch.float64]))
def test_sums_in_any_order_stay_within_it(n: int, seed: int, dtype: torch.dtype) -> None:
    """One after the other, against the sum in four times the precision; for numbers that cancel each other out, too."""
    values = torch.randn(n, generator=torch.Generator().manual_seed(seed)).to(dtype).numpy()
    total = values.dtype.type(0)
    for value in values:
        total = total + value
    expected = np.asarray(values.astype(np.longdouble).sum(), dtype=values.dtype)
    assert_same_computation(np.asarray(total), expected, terms=n, magnitude=float(np.abs(values).sum(dtype=np.float64)))


@pytest.mark.parametrize("n", [1, 10, 1000, 100_000])
def test_the_bound_is_the_smaller_of_the_two(n: int) -> None:
    """Every rounding the same way, or roundings that know nothing of each other: n u or lambda sqrt(n) u."""
    u = 2.0**-24
    assert rounding_error(n) == pytest.approx(min(n, 6 * n**0.5) * u, rel=0.01)
    assert rounding_error(n, torch.float64) < rounding_error(n) / 2**28


def test_what_is_more_than_rounding_is_told_with_its_size() -> None:
    """A bias of a thousandth, a value that is no number, another shape, another integer."""
    values = torch.ones(4, 5)
    assert_same_computation(values + 1e-6, values, terms=100)
    with pytest.raises(AssertionError, match=r"weight: 20 of 20 values differ by up to 0\.001; 100 roundings of torch"):
        assert_same_computation(values + 1e-3, values, terms=100, name="weight")
    with pytest.raises(AssertionError, match="1 of 2 values"):
        assert_same_computation([1.0, float("nan")], [1.0, 1.0], terms=100)
    with pytest.raises(AssertionError, match="shapes differ"):
        assert_same_computation(values[0], values, terms=100)
    with pytest.raises(AssertionError, match="3 is not 4"):
        assert_same_computation(torch.tensor(3), torch.tensor(4), terms=100)


def test_probabilities_may_differ_by_what_their_logits_do() -> None:
    """Logits of 50 are known to fewer decimals than logits of 1."""
    for scale, differs in ((50.0, False), (1.0, True)):
        logits = scale * np.array([[1.0, 0.9, -1.0]])
        one, other = (np.exp(each) / np.exp(each).sum() for each in (logits, logits + np.array([0, 5e-4, 0])))
        if differs:
            with pytest.raises(AssertionError):
                assert_same_probabilities(one, other, terms=100)
        else:
            assert_same_probabilities(one, other, terms=100)


def test_terms_are_the_products_on_the_way() -> None:
    """Nine of three colours, nine of one channel of a group, and eight features."""
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, groups=8), nn.Flatten(), nn.Linear(8, 2)
    )
    assert terms_of(net) == 27 + 9 + 8
