"""LogME against the evidence itself: the density of the labels under the Bayesian linear model, maximised."""

import numpy as np
import pytest
import scipy.optimize
import scipy.stats
from numpy.typing import NDArray

from inarch.errors import UserError
from inarch.metrics.logme import logme


def drawn(n: int, d: int, *, signal: float, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Features of two classes, ``signal`` apart along each dimension."""
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    return generator.normal(size=(n, d)) + signal * labels[:, None], labels


@pytest.mark.parametrize("shape", [(30, 4), (12, 20)], ids=["more photos than features", "fewer"])
def test_it_is_the_largest_evidence(shape: tuple[int, int]) -> None:
    """y ~ N(0, I / beta + F Fᵀ / alpha), maximised over alpha and beta by scipy."""
    features, labels = drawn(*shape, signal=0.7)

    def cost(logs: NDArray[np.float64], own: NDArray[np.float64]) -> float:
        alpha, beta = np.exp(logs)
        covariance = np.eye(len(own)) / beta + features @ features.T / alpha
        return -float(scipy.stats.multivariate_normal(cov=covariance).logpdf(own)) / len(own)

    each = [
        -scipy.optimize.minimize(cost, np.zeros(2), args=((labels == label).astype(float),), method="Nelder-Mead").fun
        for label in (0, 1)
    ]
    assert logme(features, labels) == pytest.approx(np.mean(each), abs=1e-3)


def test_more_signal_and_no_scale() -> None:
    """Features that tell more rank higher; in other units, or turned, they rank the same."""
    plain = {signal: logme(*drawn(60, 8, signal=signal)) for signal in (0.0, 0.5, 2.0)}
    assert plain[0.0] < plain[0.5] < plain[2.0]
    features, labels = drawn(60, 8, signal=0.5)
    turned, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))
    assert logme(1000 * features @ turned, labels) == pytest.approx(plain[0.5], abs=1e-3)


def test_what_has_no_answer_is_refused() -> None:
    """One class, or labels for other photos."""
    with pytest.raises(UserError, match="3 photos, 3 labels and 1 classes"):
        logme(np.zeros((3, 2)), np.zeros(3, int))
    with pytest.raises(UserError, match="2 photos, 3 labels"):
        logme(np.zeros((2, 2)), np.arange(3))
