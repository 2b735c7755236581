"""Softmax, reliability, calibration error and temperature on data whose answer is known."""

import subprocess
import sys

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from inarch.errors import UserError, WorkError
from inarch.metrics.calibration import (
    confidence_and_correct,
    expected_calibration_error,
    reliability,
)
from inarch.metrics.losses import log_losses
from inarch.metrics.softmax import softmax
from inarch.metrics.temperature import fit_temperature
from tolerance import assert_same_computation


def drawn_from(logits: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Labels drawn from the probabilities that the logits state: perfectly calibrated by construction."""
    cumulative = softmax(logits).cumsum(axis=1)
    return (generator.random((len(logits), 1)) > cumulative[:, :-1]).sum(axis=1)


@given(st.integers(0, 10_000), st.floats(0.05, 20))
def test_softmax_is_scipys(seed: int, temperature: float) -> None:
    """Of the divided logits, also where exp would overflow."""
    logits = np.random.default_rng(seed).normal(0, 500, size=(3, 4)) / temperature
    expected = scipy.special.softmax(logits, axis=-1)
    assert_same_computation(softmax(logits * temperature, temperature), expected, terms=4, magnitude=np.ptp(logits))


def test_softmax_refuses_a_diverged_net() -> None:
    """NaN must not become an answer."""
    with pytest.raises(WorkError, match="2 of 6 logits are NaN or infinite"):
        softmax(np.array([[1.0, np.nan, 0.0], [np.inf, 0.0, 0.0]]))


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
def test_softmax_refuses_a_temperature_that_is_not_positive(temperature: float) -> None:
    """Dividing by it would be undefined, or turn the order round."""
    with pytest.raises(UserError, match="above 0"):
        softmax(np.zeros((1, 2)), temperature)


def test_softmax_costs_a_prediction_neither_scipy_nor_torch() -> None:
    """Importing it loads NumPy and nothing else that is heavy."""
    heavy = ("scipy", "sklearn", "torch", "jaxtyping", "PIL")
    code = f"import sys, inarch.metrics.softmax; print([m for m in {heavy!r} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_reliability_bins_hold_every_photo_once() -> None:
    """Ten photos at 0.65 of which seven are right, ten at exactly 1.0 of which all are."""
    probabilities = np.array([[0.65, 0.35]] * 10 + [[1.0, 0.0]] * 10)
    labels = np.array([0] * 7 + [1] * 3 + [0] * 10)
    low, high = reliability(probabilities, labels)
    assert (low.low, low.high, low.n) == (0.6, 0.7, 10)
    assert (low.confidence, low.accuracy) == pytest.approx((0.65, 0.7))
    assert (high.low, high.high, high.n) == (0.9, 1.0, 10)
    assert (high.confidence, high.accuracy) == (1, 1)


def test_calibration_error_of_constructed_data() -> None:
    """Half the photos are 5 points off, half 20 points: 12.5 points in the mean."""
    probabilities = np.array([[0.65, 0.35]] * 10 + [[0.9, 0.1]] * 10)
    labels = np.array([0] * 7 + [1] * 3 + [0] * 7 + [1] * 3)
    assert expected_calibration_error(*confidence_and_correct(probabilities, labels)) == pytest.approx((0.05 + 0.2) / 2)


def test_calibration_error_is_the_sum_over_the_bins() -> None:
    """Its definition, computed from the bins that are drawn."""
    generator = np.random.default_rng(3)
    probabilities = softmax(generator.normal(0, 2, size=(500, 4)))
    labels = generator.integers(4, size=500)
    bins = reliability(probabilities, labels)
    assert sum(each.n for each in bins) == 500
    by_hand = sum(each.n * abs(each.accuracy - each.confidence) for each in bins) / 500
    found = expected_calibration_error(*confidence_and_correct(probabilities, labels))
    assert_same_computation(found, by_hand, terms=500, magnitude=1.0)


def test_labels_drawn_from_the_probabilities_are_calibrated() -> None:
    """Then the error goes to zero with the number of photos."""
    generator = np.random.default_rng(4)
    logits = generator.normal(0, 2, size=(100_000, 3))
    found = confidence_and_correct(softmax(logits), drawn_from(logits, generator))
    assert expected_calibration_error(*found) < 0.01


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_a_known_temperature_is_found_again(temperature: float) -> None:
    """Logits that were scaled by T need T."""
    generator = np.random.default_rng(5)
    logits = generator.normal(0, 2, size=(20_000, 5))
    labels = drawn_from(logits, generator)
    assert fit_temperature(logits * temperature, labels) == pytest.approx(temperature, rel=0.03)


def test_the_temperature_lowers_the_log_loss() -> None:
    """Below the one at temperature 1, and below those nearby but for the one added photo."""
    generator = np.random.default_rng(6)
    logits = generator.normal(0, 2, size=(5000, 4))
    labels, overconfident = drawn_from(logits, generator), 2.5 * logits
    found = fit_temperature(overconfident, labels)
    losses = {t: log_losses(softmax(overconfident, t), labels).mean() for t in (1.0, 0.9 * found, found, 1.1 * found)}
    assert min(losses, key=lambda t: losses[t]) == found


def test_a_perfect_predictor_is_not_made_certain() -> None:
    """20 photos answered rightly do not show that the 21st will be: no confidence of 100 %."""
    logits = np.eye(2)[np.arange(20) % 2] * 4.0
    probabilities = softmax(logits, fit_temperature(logits, np.arange(20) % 2))
    assert 0.9 < probabilities.max() < 0.99


def test_log_losses_are_scikit_learns() -> None:
    """Their mean, with a class absent from the labels and a probability of zero."""
    generator = np.random.default_rng(7)
    probabilities = np.vstack([softmax(generator.normal(0, 3, size=(50, 4))), [[0.0, 1.0, 0.0, 0.0]]])
    labels = np.append(generator.integers(3, size=50), 0)
    expected = log_loss(labels, probabilities, labels=[0, 1, 2, 3])
    losses = log_losses(probabilities, labels)
    assert_same_computation(losses.mean(), expected, terms=len(losses))


@pytest.mark.parametrize("measure", [reliability, confidence_and_correct, fit_temperature, log_losses])
def test_every_measure_refuses_what_it_cannot_measure(measure) -> None:
    """No photos, a label without a column, NaN: each a sentence, never a figure."""
    with pytest.raises(UserError, match="at least 1"):
        measure(np.zeros((0, 2)), np.zeros(0, dtype=np.int64))
    with pytest.raises(UserError, match="from 0 to 2, but the scores have 2 classes"):
        measure(np.full((2, 2), 0.5), np.array([0, 2]))
    with pytest.raises(WorkError, match="1 of 2"):
        measure(np.array([[np.nan, 0.5]]), np.array([0]))
