"""Selection of an unsupervised candidate by its predictions on unlabelled photos, never by a label."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inarch.commands.adapt.validators import VALIDATORS
from inarch.metrics.records import Estimate

NONE = "none"
"""The unadapted model."""


@dataclass(frozen=True)
class CandidateChoice:
    """The selected candidate, and the evidence."""

    name: str
    validator: str
    gains: Mapping[str, Estimate]
    """For each candidate but the unadapted model, the gain in score over that model."""
    why: str


def default_validator(candidates: int) -> str:
    """Agreement, if there are enough candidates to disagree; else information."""
    return "agreement" if candidates > 2 else "information"


def scores(answers: Mapping[str, NDArray[np.float64]], validator: str) -> dict[str, float]:
    """Each candidate's score relative to all others."""
    return {
        name: VALIDATORS[validator](own, [rival for other, rival in answers.items() if other != name])
        for name, own in answers.items()
    }


def choose_candidate(
    answers: Mapping[str, NDArray[np.float64]], validator: str | None, *, seed: int
) -> CandidateChoice:
    """The candidate with the highest score, if that is significantly higher than the unadapted model's.

    Args:
        answers: each candidate's probabilities on the same photos, (m, classes); `NONE` is among them.
        validator: a name of `VALIDATORS`; None takes `default_validator`.
        seed: of the bootstrap over photos.
    """
    validator = validator or default_validator(len(answers))
    gains = _gains(answers, validator, np.random.default_rng(seed))
    if not gains:
        return CandidateChoice(NONE, validator, gains, "the model was not adapted: no method could be tried")
    best = max(gains, key=lambda name: gains[name].value)
    gain = gains[best]
    interval = f"{gain.low:+.3f} to {gain.high:+.3f}"
    figures = f"its {validator} is {gain.value:+.3f} compared with no adaptation ({interval})"
    if gain.low > 0:
        return CandidateChoice(best, validator, gains, f"{best} was selected: {figures}")
    verdict = "worse" if gain.high < 0 else "inconclusive"
    why = f"the model was not adapted: the best candidate is {best}, and {figures}: {verdict}"
    return CandidateChoice(NONE, validator, gains, why)


def _gains(
    answers: Mapping[str, NDArray[np.float64]], validator: str, draw: np.random.Generator
) -> dict[str, Estimate]:
    """Each candidate's score minus that of the unadapted model, with a percentile bootstrap over the photos."""
    most, resamples = 10_000, 200  # sampling error is small with so many photos
    n = len(answers[NONE])
    shown = {name: each[:: -(-n // most)] for name, each in answers.items()}

    def differences(rows: NDArray[np.int64]) -> list[float]:
        scored = scores({name: each[rows] for name, each in shown.items()}, validator)
        return [score - scored[NONE] for name, score in scored.items() if name != NONE]

    kept = len(shown[NONE])
    values = differences(np.arange(kept))
    drawn = np.array([differences(draw.integers(kept, size=kept)) for _ in range(resamples)])
    bounds = np.quantile(drawn, (0.025, 0.975), axis=0).T if values else []
    names = [name for name in answers if name != NONE]
    return {
        name: Estimate(value, min(value, float(low)), max(value, float(high)), kept)
        for name, value, (low, high) in zip(names, values, bounds, strict=True)
    }
