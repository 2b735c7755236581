"""Whether what was measured supports a claim: by an interval against a threshold that stood before the run."""

from collections.abc import Sequence
from math import exp, inf, log

import numpy as np

from inarch.commands.study.records import (
    AT_LEAST,
    CONTRADICTED,
    SUPPORTED,
    TIMES,
    UNDECIDED,
    Claim,
    ClaimFinding,
    Quantity,
    QuantityFinding,
    StudyRow,
)
from inarch.metrics.intervals import Interval, t_interval
from inarch.metrics.records import Estimate

LEVEL = 0.05
"""How often, at most, a verdict other than undecided is wrong: over all quantities and all looks of a claim."""


def judge_claim(claim: Claim, rows: Sequence[StudyRow], looks: Sequence[int] = ()) -> ClaimFinding:
    """The verdict on a claim, from its measurements alone.

    A claim is supported where every quantity is, contradicted where one is, and else undecided. What is not exact is
    judged by Student's interval of the paired differences, or of the logarithms of ratios. The level of 5 % is divided
    among the quantities (Bonferroni), and halved with every earlier look at fewer seeds: 5 % + 2.5 % + … two-sided,
    half of it on either side, comes to 5 % for a wrong SUPPORTED and as much for a wrong CONTRADICTED.

    Args:
        claim: what is judged.
        rows: measurements; seeds of which an arm is missing do not count.
        looks: with how many seeds the verdict has been read before.
    """
    seeds = complete_seeds(claim, rows)
    by_place = {(row.seed, row.arm): row.readings for row in rows}
    earlier = len({look for look in looks if look < len(seeds)})
    estimated = sum(not quantity.exact for quantity in claim.quantities)
    confidence = 1 - LEVEL / 2**earlier / max(1, estimated)
    found = []
    for quantity in claim.quantities:
        (arm, reading), (other_arm, other_reading) = quantity.one, quantity.other
        pairs = [(by_place[seed, arm][reading], by_place[seed, other_arm][other_reading]) for seed in seeds]
        found.append(_judge_quantity(quantity, pairs, 1.0 if quantity.exact else confidence))
    return ClaimFinding(_combine_verdicts([each.verdict for each in found]), tuple(found), len(seeds), earlier)


def complete_seeds(claim: Claim, rows: Sequence[StudyRow]) -> tuple[int, ...]:
    """The seeds with which every arm was measured, in order."""
    done = {(row.seed, row.arm) for row in rows}
    return tuple(sorted({seed for seed, _ in done if all((seed, arm) in done for arm in claim.arms)}))


def _judge_quantity(quantity: Quantity, pairs: Sequence[tuple[float, float]], confidence: float) -> QuantityFinding:
    if not pairs:
        return QuantityFinding(quantity, None, confidence, UNDECIDED)
    into, back = (log, _exp) if quantity.scale == TIMES else (float, float)
    differences = [into(one) - into(other) for one, other in pairs]
    if quantity.exact:
        interval = Interval(float(np.mean(differences)), min(differences), max(differences))
    else:
        interval = t_interval(differences, confidence, quantity.grain)
    verdict = _verdict(interval, into(quantity.threshold), at_least=quantity.bound == AT_LEAST)
    estimate = Estimate(back(interval.mean), back(interval.low), back(interval.high), len(pairs))
    return QuantityFinding(quantity, estimate, confidence, verdict, tuple(back(each) for each in differences))


def _exp(value: float) -> float:
    """e to the power of ``value``, endless where no number holds it."""
    return exp(value) if value < 700 else inf


def _verdict(interval: Interval, threshold: float, *, at_least: bool) -> str:
    above, below = interval.low >= threshold, interval.high < threshold
    if not at_least:
        above, below = interval.high <= threshold, interval.low > threshold
    return SUPPORTED if above else CONTRADICTED if below else UNDECIDED


def _combine_verdicts(verdicts: Sequence[str]) -> str:
    if CONTRADICTED in verdicts:
        return CONTRADICTED
    return SUPPORTED if verdicts and all(verdict == SUPPORTED for verdict in verdicts) else UNDECIDED
