"""Selective classification: thresholds on confidence and OOD score for a target accuracy; needs NumPy alone.

Selection with guaranteed risk, after Geifman and El-Yaniv 2017, *Selective Classification for Deep Neural Networks*,
arXiv 1705.08500. Conformal prediction sets: the least ambiguous ones of Sadinle, Lei and Wasserman 2019, arXiv
1609.00451.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inarch.errors import UserError
from inarch.metrics.intervals import wilson
from inarch.metrics.records import AnswerRule

TARGET_ACCURACY = 0.95
"""The default target accuracy of the answered photos."""
KEPT = 0.95
"""The fraction of in-distribution photos that the OOD threshold accepts."""


@dataclass(frozen=True)
class RuleSearch:
    """How the threshold on confidence is searched."""

    luck: float = 0.05
    """The probability, over the choice of validation photos, that a guarantee is broken."""
    steps: int = 20
    """The number of coverages that are tried, equally spaced and fixed beforehand; each gets its part of ``luck``."""
    rounding: float = 1e-5
    """The tolerance for confidence and OOD score between runtimes: a photo on a threshold stays on its side."""


RULE = RuleSearch()


@dataclass(frozen=True)
class Evidence:
    """The evidence for a rule: predictions of validation photos, and features of training photos."""

    confidence: NDArray[np.float64]
    """The probability of each validation photo's predicted class, (n,); out of fold."""
    correct: NDArray[np.bool_]
    """Whether the prediction is correct, (n,)."""
    truth: NDArray[np.float64]
    """The probability of the true class, (n,)."""
    novelty: NDArray[np.float64]
    """The OOD scores, (n,); see `inarch.metrics.novelty.ood_scores`."""
    known: NDArray[np.float16]
    """Features of training photos, (m, d), each of length 1."""


def rule_for(evidence: Evidence, target_accuracy: float = TARGET_ACCURACY) -> AnswerRule:
    """The rule with the largest coverage at a target accuracy.

    The OOD threshold accepts `KEPT` of the validation photos. Among those, the confidence thresholds with a coverage of
    1/20, 2/20, … are tried; of those that pass an exact binomial test at the level ``luck / steps`` of `RULE`, the
    lowest is chosen. Given its threshold, the photos above it are a simple random sample of all photos above it, and
    the levels sum to ``luck``: so over the choice of validation photos, the guarantee is broken with 5 % probability at
    most, for any classifier. Geifman and El-Yaniv search by bisection, which assumes that the risk rises with the
    coverage.

    If no threshold passes, the lowest that reaches the target accuracy is chosen, without a guarantee.

    Raises:
        UserError: the target accuracy is not between 0 and 1.
    """
    check_share("target accuracy", target_accuracy)
    limit = upper_bound(evidence.novelty, KEPT)
    familiar = evidence.novelty <= limit
    confidence, correct = evidence.confidence[familiar], evidence.correct[familiar]
    order = np.argsort(-confidence, kind="stable")
    falling = confidence[order]
    bounds = np.append(falling[1:], 0.0)  # above the k-th are the k most confident photos, less ties
    answered = np.searchsorted(-falling, -bounds)
    right = np.append(0, np.cumsum(correct[order]))[answered]
    tried = np.unique(np.ceil(len(falling) * np.arange(1, RULE.steps + 1) / RULE.steps).astype(int)) - 1
    passing = [
        place
        for place in tried
        if answered[place]
        and binomial_tail(int(right[place]), int(answered[place]), target_accuracy) <= RULE.luck / RULE.steps
    ]
    reaching = np.flatnonzero((answered > 0) & (right >= target_accuracy * answered))
    chosen = passing or reaching.tolist()
    bound = float(bounds[chosen[-1]]) + RULE.rounding if chosen else None
    given = int(answered[chosen[-1]]) if chosen else 0
    n = len(evidence.novelty)
    return AnswerRule(target_accuracy, bound, float(limit) + RULE.rounding, bool(passing), n, wilson(given, n))


def binomial_tail(right: int, n: int, share: float) -> float:
    """The probability of ``right`` or more correct answers out of ``n`` if the accuracy is ``share``."""
    factorials = np.append(0.0, np.cumsum(np.log(np.arange(1, n + 1))))
    k = np.arange(right, n + 1)
    logs = factorials[n] - factorials[k] - factorials[n - k] + k * np.log(share) + (n - k) * np.log1p(-share)
    return float(min(1.0, np.exp(logs).sum()))


def upper_bound(values: NDArray[np.float64], share: float) -> float:
    """A bound that the next value keeps with probability ``share`` or more; the largest value if they are too few.

    The conformal quantile: of ``n`` values and the next one, each is equally likely to be the largest.
    """
    rank = min(ceil((len(values) + 1) * share), len(values))
    return float(np.sort(values)[rank - 1])


def is_out_of_distribution(rule: AnswerRule, novelty: float) -> bool:
    """Whether a photo is out-of-distribution."""
    return novelty > rule.novelty


def is_close(rule: AnswerRule, confidence: float) -> bool:
    """Whether the confidence is too low for an answer."""
    return rule.confidence is None or confidence <= rule.confidence


def least_probability(evidence: Evidence, level: float) -> float:
    """The least probability of a class in a prediction set, for sets with coverage ``level``.

    0, that is every class, if the validation photos are too few for the level.

    Raises:
        UserError: the level is not between 0 and 1.
    """
    check_share("coverage", level)
    rank = ceil((len(evidence.truth) + 1) * level)
    return float(np.sort(evidence.truth)[::-1][rank - 1]) if rank <= len(evidence.truth) else 0.0


def size_of_set(probabilities: NDArray[np.floating[Any]], least: float) -> int:
    """The number of classes in a photo's prediction set; at least one."""
    return max(1, int((probabilities >= least).sum()))


def check_share(what: str, share: float) -> None:
    """Refuse a fraction that is not between 0 and 1.

    Raises:
        UserError: it is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise UserError(f"A {what} is a share between 0 and 1, such as {TARGET_ACCURACY}; {share} was asked for.")
