"""The coverage and the selective accuracy of an abstention rule."""

import numpy as np

from inarch.metrics.answering import RULE, is_close, is_out_of_distribution
from inarch.metrics.arrays import Confidence, Correct, Novelty
from inarch.metrics.intervals import wilson
from inarch.metrics.records import AnswerRule, CoveragePoint, SelectiveResult


def measure_coverage(rule: AnswerRule, confidence: Confidence, correct: Correct, novelty: Novelty) -> SelectiveResult:
    """Coverage and selective accuracy on labelled photos that took no part in choosing the rule.

    Args:
        rule: the abstention rule.
        confidence: the confidence of each photo's prediction, (n,).
        correct: whether the prediction is correct, (n,).
        novelty: the OOD score of each photo, (n,).

    Raises:
        UserError: there are no photos.
    """
    unlike = np.array([is_out_of_distribution(rule, each) for each in novelty.tolist()], dtype=bool)
    close = np.array([is_close(rule, each) for each in confidence.tolist()], dtype=bool)
    given = ~(unlike | close)
    return SelectiveResult(
        rule=rule,
        coverage=wilson(int(given.sum()), len(given)),
        accuracy=wilson(int(correct[given].sum()), int(given.sum())) if given.any() else None,
        unlike=int(unlike.sum()),
        close=int((close & ~unlike).sum()),
        curve=_curve(confidence[~unlike], correct[~unlike], len(given)),
    )


def _curve(confidence: Confidence, correct: Correct, n: int) -> tuple[CoveragePoint, ...]:
    """The curve from the most confident photos on, in steps of a twentieth of the ``n`` photos."""
    right = np.cumsum(correct[np.argsort(-confidence, kind="stable")]).tolist()
    counts = np.unique(np.ceil(len(right) * np.arange(1, RULE.steps + 1) / RULE.steps).astype(int)).tolist()
    return tuple(CoveragePoint(count / n, wilson(right[count - 1], count)) for count in counts if count)
