"""When to answer: bounds on confidence and novelty, chosen so that a goal is kept; NumPy alone, for predictions.

Selection with guaranteed risk, after Geifman and El-Yaniv 2017, *Selective Classification for Deep Neural Networks*,
arXiv 1705.08500. Conformal sets: the least ambiguous ones of Sadinle, Lei and Wasserman 2019, arXiv 1609.00451.
"""

from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inarch.errors import UserError
from inarch.metrics.intervals import wilson
from inarch.metrics.records import AnswerRule

GOAL = 0.95
"""The share of answers that is to be right, unless another is asked for."""
LUCK = 0.05
"""How often, over drawings of the held-out photos, a promise may be broken."""
STEPS = 20
"""Coverages that are tried, equally far apart and fixed beforehand; each has its part of `LUCK`."""
KEPT = 0.95
"""The share of photos like those that were learned from that novelty lets pass."""
ROUNDING = 1e-5
"""Of confidence and novelty, from one runtime to another: a photo that lies on a bound stays on its side."""


@dataclass(frozen=True)
class Evidence:
    """What a rule is chosen by: photos that were not learned from, and some features of those that were."""

    confidence: NDArray[np.float64]
    """Of each held-out photo the probability of its answer, (n,); by a fit that had not seen it."""
    correct: NDArray[np.bool_]
    """Whether that answer is right, (n,)."""
    truth: NDArray[np.float64]
    """The probability of the true class, (n,)."""
    novelty: NDArray[np.float64]
    """How unlike the photos are that the fit had seen, (n,); see `inarch.metrics.novelty.ood_scores`."""
    known: NDArray[np.float16]
    """Features of photos that were learned from, (m, d), each of length 1."""


def rule_for(evidence: Evidence, goal: float = GOAL) -> AnswerRule:
    """The rule that answers as many photos as it can while the share ``goal`` of its answers is right.

    The bound on novelty lets `KEPT` of the held-out photos pass. Among those, the bounds on confidence that would
    answer 1/20, 2/20, … of them are tried, and of those that pass an exact binomial test at level `LUCK` / `STEPS` the
    lowest is taken. Given its bound, the photos above are a plain sample of all photos above it, and the levels add up
    to `LUCK`: so over drawings of the held-out photos the promise is broken 1 time in 20 at most, whatever the
    classifier. Geifman and El-Yaniv search by bisection, which needs the risk to rise with the coverage.

    Where no bound passes, the lowest is taken above which the share is reached, and nothing is promised.

    Raises:
        UserError: the goal is no share between 0 and 1.
    """
    check_share("goal", goal)
    limit = upper_bound(evidence.novelty, KEPT)
    familiar = evidence.novelty <= limit
    confidence, correct = evidence.confidence[familiar], evidence.correct[familiar]
    order = np.argsort(-confidence, kind="stable")
    falling = confidence[order]
    bounds = np.append(falling[1:], 0.0)  # above the k-th of them stand the k most confident photos, less ties
    answered = np.searchsorted(-falling, -bounds)
    right = np.append(0, np.cumsum(correct[order]))[answered]
    tried = np.unique(np.ceil(len(falling) * np.arange(1, STEPS + 1) / STEPS).astype(int)) - 1
    passing = [
        place
        for place in tried
        if answered[place] and binomial_tail(int(right[place]), int(answered[place]), goal) <= LUCK / STEPS
    ]
    reaching = np.flatnonzero((answered > 0) & (right >= goal * answered))
    chosen = passing or reaching.tolist()
    bound = float(bounds[chosen[-1]]) + ROUNDING if chosen else None
    given = int(answered[chosen[-1]]) if chosen else 0
    n = len(evidence.novelty)
    return AnswerRule(goal, bound, float(limit) + ROUNDING, bool(passing), n, wilson(given, n))


def binomial_tail(right: int, n: int, share: float) -> float:
    """How probable it is that ``right`` or more of ``n`` answers are right where ``share`` of all answers is."""
    factorials = np.append(0.0, np.cumsum(np.log(np.arange(1, n + 1))))
    k = np.arange(right, n + 1)
    logs = factorials[n] - factorials[k] - factorials[n - k] + k * np.log(share) + (n - k) * np.log1p(-share)
    return float(min(1.0, np.exp(logs).sum()))


def upper_bound(values: NDArray[np.float64], share: float) -> float:
    """A bound that the next value keeps with probability ``share`` or more; the largest one where they are too few.

    The conformal quantile: of ``n`` values and the next one, each is equally likely to be the largest.
    """
    rank = min(ceil((len(values) + 1) * share), len(values))
    return float(np.sort(values)[rank - 1])


def is_out_of_distribution(rule: AnswerRule, novelty: float) -> bool:
    """Whether a photo is unlike those that were learned from."""
    return novelty > rule.novelty


def is_close(rule: AnswerRule, confidence: float) -> bool:
    """Whether two classes are too close for an answer."""
    return rule.confidence is None or confidence <= rule.confidence


def least_probability(evidence: Evidence, level: float) -> float:
    """The probability from which on a class belongs to a photo's set, so that ``level`` of the sets hold the truth.

    0, that is every class, where the held-out photos are too few for the level.

    Raises:
        UserError: the level is no share between 0 and 1.
    """
    check_share("level of sets", level)
    rank = ceil((len(evidence.truth) + 1) * level)
    return float(np.sort(evidence.truth)[::-1][rank - 1]) if rank <= len(evidence.truth) else 0.0


def size_of_set(probabilities: NDArray[np.floating[Any]], least: float) -> int:
    """How many of the most probable classes make up a photo's set; one at least."""
    return max(1, int((probabilities >= least).sum()))


def check_share(what: str, share: float) -> None:
    """Refuse what is no share of photos.

    Raises:
        UserError: it is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise UserError(f"A {what} is a share between 0 and 1, such as {GOAL}; {share} was asked for.")
