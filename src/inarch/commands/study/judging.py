"""Verdicts on claims: an interval is compared with a threshold that was fixed before the run."""

from collections.abc import Sequence
from math import exp, inf, log

import numpy as np

from inarch.commands.study.records import (
    Bound,
    Claim,
    ClaimFinding,
    Quantity,
    QuantityFinding,
    QuantityScale,
    StudyRow,
    Verdict,
)
from inarch.metrics.comparison import Interval, t_interval
from inarch.metrics.records import Estimate

LEVEL = 0.05
"""The greatest probability of a wrong verdict other than undecided, over all quantities and looks of a claim."""


def judge_claim(claim: Claim, rows: Sequence[StudyRow], looks: Sequence[int] = ()) -> ClaimFinding:
    """The verdict on a claim, from its measurements alone.

    A claim is supported if every quantity is, contradicted if one is, and else undecided. Quantities that are not exact
    are judged by Student's interval of the paired differences, or of the logarithms of ratios. The level of 5 % is
    divided among the quantities (Bonferroni), and halved with every earlier look at fewer seeds: 5 % + 2.5 % + …
    two-sided, half of it on either side, is 5 % for a wrong SUPPORTED and as much for a wrong CONTRADICTED.

    Args:
        claim: the claim to judge.
        rows: measurements; seeds that lack an arm do not count.
        looks: the numbers of seeds at which the verdict was read before.
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
        return QuantityFinding(quantity, None, confidence, Verdict.UNDECIDED)
    into, back = (log, _exp) if quantity.scale == QuantityScale.TIMES else (float, float)
    differences = [into(one) - into(other) for one, other in pairs]
    if quantity.exact:
        interval = Interval(float(np.mean(differences)), min(differences), max(differences))
    else:
        interval = t_interval(differences, confidence, quantity.grain)
    verdict = _verdict(interval, into(quantity.threshold), at_least=quantity.bound == Bound.AT_LEAST)
    estimate = Estimate(back(interval.mean), back(interval.low), back(interval.high), len(pairs))
    return QuantityFinding(quantity, estimate, confidence, verdict, tuple(back(each) for each in differences))


def _exp(value: float) -> float:
    """e to the power of ``value``; infinite if it overflows."""
    return exp(value) if value < 700 else inf


def _verdict(interval: Interval, threshold: float, *, at_least: bool) -> str:
    above, below = interval.low >= threshold, interval.high < threshold
    if not at_least:
        above, below = interval.high <= threshold, interval.low > threshold
    return Verdict.SUPPORTED if above else Verdict.CONTRADICTED if below else Verdict.UNDECIDED


def _combine_verdicts(verdicts: Sequence[str]) -> str:
    if Verdict.CONTRADICTED in verdicts:
        return Verdict.CONTRADICTED
    all_hold = bool(verdicts) and all(verdict == Verdict.SUPPORTED for verdict in verdicts)
    return Verdict.SUPPORTED if all_hold else Verdict.UNDECIDED
