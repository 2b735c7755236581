"""The effective rank, by cases that are known."""

import numpy as np
import pytest

from inarch.errors import UserError
from inarch.metrics.spectrum import effective_rank
from tolerance import assert_same_computation


def test_directions_that_vary_alike_are_counted() -> None:
    """Rows of plus and minus each axis, some of them unused; turning them changes nothing."""
    axes = np.vstack([np.eye(5), -np.eye(5)])[:, :3]
    assert effective_rank(axes) == pytest.approx(3)
    turned, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))
    assert effective_rank(np.hstack([axes, np.zeros((10, 2))]) @ turned + 7) == pytest.approx(3)


def test_two_unequal_directions_come_to_the_exponential_of_their_entropy() -> None:
    """Variances of 0.9 and 0.1."""
    rows = np.array([[3.0, 0], [-3, 0], [0, 1], [0, -1]])
    assert_same_computation(effective_rank(rows), np.exp(-0.9 * np.log(0.9) - 0.1 * np.log(0.1)), terms=rows.size)


def test_the_ends() -> None:
    """A line is 1, no spread is 0, and one row is refused."""
    assert effective_rank(np.outer(np.arange(4.0), [1, 2, 3])) == pytest.approx(1, abs=1e-6)
    assert effective_rank(np.ones((4, 3))) == 0
    with pytest.raises(UserError, match="two rows"):
        effective_rank(np.ones((1, 3)))
