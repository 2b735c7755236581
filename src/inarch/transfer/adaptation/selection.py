"""Which way of adapting is taken: by what the answers on unlabelled photos look like, never by a label."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inarch.metrics.intervals import bootstrap
from inarch.metrics.validators import VALIDATORS
from inarch.records import Estimate

RESAMPLES = 200
NONE = "none"
"""The net as it was."""


@dataclass(frozen=True)
class Choice:
    """What was chosen and what it went by."""

    name: str
    validator: str
    gains: Mapping[str, Estimate]
    """For each candidate but the net as it was, by how much its score is higher than that one's."""
    why: str


def default_validator(candidates: int) -> str:
    """Agreement, where there are candidates enough to disagree; else information."""
    return "agreement" if candidates > 2 else "information"


def scores(answers: Mapping[str, NDArray[np.float64]], validator: str) -> dict[str, float]:
    """Each candidate's score beside all others."""
    return {
        name: VALIDATORS[validator](own, [rival for other, rival in answers.items() if other != name])
        for name, own in answers.items()
    }


def chosen(answers: Mapping[str, NDArray[np.float64]], validator: str | None, *, seed: int) -> Choice:
    """The candidate with the highest score, if it is higher than that of the net as it was beyond chance.

    Args:
        answers: each candidate's probabilities on the same photos, (m, classes); `NONE` is among them.
        validator: a name of `VALIDATORS`; None takes `default_validator`.
        seed: of the bootstrap over photos.
    """
    validator = validator or default_validator(len(answers))
    gains = {name: _gain(name, answers, validator, seed) for name in answers if name != NONE}
    if not gains:
        return Choice(NONE, validator, gains, "the net was kept as it was: no other candidate could be tried")
    best = max(gains, key=lambda name: gains[name].value)
    gain = gains[best]
    interval = f"{gain.low:+.3f} to {gain.high:+.3f}"
    figures = f"its {validator} is {gain.value:+.3f} against the net as it was ({interval})"
    if gain.low > 0:
        return Choice(best, validator, gains, f"{best} was taken: {figures}")
    verdict = "worse" if gain.high < 0 else "too close to call"
    why = f"the net was kept as it was: the best candidate is {best}, and {figures}: {verdict}"
    return Choice(NONE, validator, gains, why)


def _gain(name: str, answers: Mapping[str, NDArray[np.float64]], validator: str, seed: int) -> Estimate:
    """The candidate's score minus that of the net as it was, resampled over photos."""

    def difference(*drawn: NDArray[np.float64]) -> float:
        scored = scores(dict(zip(answers, drawn, strict=True)), validator)
        return scored[name] - scored[NONE]

    return bootstrap(difference, *answers.values(), generator=np.random.default_rng(seed), resamples=RESAMPLES)
